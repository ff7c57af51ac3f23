// The retrieval test set: what a home-services company has written down, in English and in Bengali, and what its customers ask. Written for this purpose; the questions
// are customers' own words, so that many share only part of their words with the answer, and some none.

export const documents = [
  { title: 'Prices', language: 'en', text: `# Carpet cleaning
A carpet costs 350 taka per square metre. Stains of ink and oil cost 100 taka more. The smallest order is 1,200 taka.
# Sofa cleaning
A seat of a sofa costs 400 taka, a cushion 80 taka. Leather is treated with wax afterwards at no charge.
# Window cleaning
Windows are cleaned at 60 taka each, inside and outside. From the fifth floor upwards only the inside is done.
# Air conditioner service
A basic service of a split unit costs 800 taka, with gas refill 2,500 taka. The filter is washed each time.
# Discounts
Whoever books three services on one day gets ten percent off. Students show their card and pay five percent less. Discounts are not added up.` },
  { title: 'Booking', language: 'en', text: `# How to book
Choose a service and a time on our website or write to us on WhatsApp. You get a confirmation within ten minutes.
# Changing an appointment
An appointment can be moved free of charge until six hours before it begins. Later changes cost 200 taka.
# Cancelling
Cancelling is free until the evening before. On the same day half of the price is due. If our cleaner has already arrived the whole price is due.
# Being late
If we are more than thirty minutes late you get 15 percent back without asking.
# Waiting list
When a day is full you can be put on the waiting list. We call as soon as somebody else drops out.` },
  { title: 'Payment', language: 'en', text: `# Ways to pay
We take cash, bKash, Nagad, and all credit cards. Cheques are not accepted.
# Invoice
An invoice with VAT is sent by e-mail on the day after the work. Companies may pay within fourteen days.
# Deposit
For orders above 10,000 taka we ask for a deposit of 20 percent.
# Refunds
Money is returned within five working days to the account that it came from. Cash is refunded by bKash.` },
  { title: 'Quality and safety', language: 'en', text: `# Warranty
If you are not satisfied tell us within 48 hours and we do the work again for nothing.
# Damage
We are insured against breakage up to 100,000 taka. Please send photographs on the same day.
# Our people
Every cleaner has shown a police certificate and was trained for four weeks. They wear a uniform and a badge with their name.
# Cleaning agents
We use agents without chlorine that are safe for babies and animals. On request we clean with water and steam only.
# Keys
Keys are kept in a safe and handed over against a signature only.` },
  { title: 'Area and hours', language: 'en', text: `# Where we work
We serve Dhaka, Narayanganj and Gazipur. Outside of these towns we come for orders above 8,000 taka.
# Opening hours
Our cleaners work from 8 in the morning to 8 in the evening, on Fridays from 2 in the afternoon. The office answers the phone from 9 to 6.
# Public holidays
On Eid and on the first of Boishakh we are closed. On other holidays there is a surcharge of 25 percent.
# Parking
Please keep a parking space free for our van, or tell us where the nearest garage is.` },
  { title: 'Membership', language: 'en', text: `# Plus plan
The Plus plan costs 1,500 taka a month. It includes one deep cleaning each month and a fixed cleaner.
# Leaving the plan
The plan ends at the end of the month in which you give notice. There is no minimum term.
# Gift cards
Gift cards from 500 taka are valid for one year and can be used for every service.
# Friends
For each friend who books through your link both of you get 300 taka.` },
  { title: 'Moving and repairs', language: 'en', text: `# Moving house
A small truck with two helpers costs 6,000 taka for four hours. Boxes are lent for a week. Pianos are not carried.
# Plumbing
A plumber comes within two hours for burst pipes, day and night. The visit costs 500 taka, material is extra.
# Electrical work
Our electricians change sockets, fans and fuses. New wiring needs an inspection first, which costs 700 taka.
# Pest control
Against cockroaches, ants and bed bugs we spray twice, two weeks apart. Leave the flat for four hours afterwards.
# Painting
A room of twelve square metres is painted in two days. The price is 18 taka per square foot with two coats.` },
  { title: 'Privacy', language: 'en', text: `# What we store
We keep name, address, phone number and the history of orders. Photographs of damage are deleted after a year.
# Deleting an account
Write to privacy@example.com and everything is erased within thirty days, apart from invoices, which the law makes us keep.` },
  { title: 'দাম', language: 'bn', text: `# বাথরুম পরিষ্কার
একটি বাথরুম পরিষ্কারের দাম ৬০০ টাকা। শক্ত দাগ তুলতে আরও ১৫০ টাকা লাগে।
# রান্নাঘর পরিষ্কার
রান্নাঘর পরিষ্কার করতে ৯০০ টাকা লাগে, চুলা ও চিমনি এর মধ্যেই আছে।
# পানির ট্যাংক
পানির ট্যাংক ধোয়ার খরচ প্রতি হাজার লিটারে ৫০০ টাকা। কাজ শেষে জীবাণুনাশক দেওয়া হয়।
# ফ্রিজ মেরামত
ফ্রিজ দেখার ফি ৪০০ টাকা। যন্ত্রাংশের দাম আলাদা। তিন মাসের ওয়ারেন্টি আছে।
# ছাড়
নতুন গ্রাহক প্রথম কাজে ২০ শতাংশ ছাড় পান। রমজান মাসে সব সেবায় ১০ শতাংশ ছাড় থাকে।` },
  { title: 'বুকিং', language: 'bn', text: `# কীভাবে বুকিং দেবেন
অ্যাপ থেকে অথবা হোয়াটসঅ্যাপে ঠিকানা ও সময় লিখে পাঠালেই বুকিং হয়ে যায়।
# সময় বদলানো
কাজ শুরুর ছয় ঘণ্টা আগে পর্যন্ত বিনা খরচে সময় বদলানো যায়।
# বুকিং বাতিল
আগের দিন রাত আটটার মধ্যে বাতিল করলে কোনো টাকা কাটা হয় না। একই দিনে বাতিল করলে অর্ধেক টাকা দিতে হয়।
# একই কর্মী
আগের কর্মীকে আবার চাইলে বুকিংয়ের সময় তাঁর নাম লিখুন।` },
  { title: 'টাকা', language: 'bn', text: `# পেমেন্ট
নগদ, বিকাশ, রকেট ও কার্ডে মূল্য পরিশোধ করা যায়। চেক নেওয়া হয় না।
# টাকা ফেরত
ফেরতের টাকা পাঁচ কর্মদিবসের মধ্যে বিকাশে পাঠানো হয়।
# রসিদ
কাজের পরের দিন ইমেইলে রসিদ পাঠানো হয়। ভ্যাট চালান চাইলে প্রতিষ্ঠানের বিআইএন নম্বর দিন।
# অগ্রিম
দশ হাজার টাকার বেশি কাজে ২০ শতাংশ অগ্রিম দিতে হয়।` },
  { title: 'এলাকা ও সময়', language: 'bn', text: `# কোথায় সেবা দিই
আমরা ঢাকা, চট্টগ্রাম ও সিলেট শহরে সেবা দিই। শহরের বাইরে যাতায়াত খরচ আলাদা।
# খোলা থাকার সময়
প্রতিদিন সকাল আটটা থেকে রাত নয়টা পর্যন্ত আমাদের কর্মীরা কাজ করেন। শুক্রবার বিকেল তিনটা থেকে।
# ঈদের ছুটি
ঈদের দিন ও পরের দিন আমরা বন্ধ থাকি।
# জরুরি সেবা
পাইপ ফেটে গেলে বা বিদ্যুৎ চলে গেলে রাত বারোটা পর্যন্ত জরুরি মিস্ত্রি পাওয়া যায়।` },
  { title: 'নিরাপত্তা', language: 'bn', text: `# কর্মীদের পরিচয়
প্রত্যেক কর্মীর জাতীয় পরিচয়পত্র ও পুলিশ যাচাই করা আছে। তাঁরা ইউনিফর্ম পরেন।
# ক্ষতিপূরণ
কাজের সময় কিছু ভেঙে গেলে ৫০ হাজার টাকা পর্যন্ত ক্ষতিপূরণ দেওয়া হয়। সেদিনই ছবি পাঠান।
# শিশু ও পোষা প্রাণী
আমাদের পরিষ্কারক শিশু ও পোষা প্রাণীর জন্য নিরাপদ, ক্লোরিন নেই।
# সন্তুষ্ট না হলে
কাজ পছন্দ না হলে ৪৮ ঘণ্টার মধ্যে জানান, বিনামূল্যে আবার করে দেব।
# অভিযোগ
অভিযোগ জানাতে ১৬৭৮৯ নম্বরে ফোন করুন, চব্বিশ ঘণ্টার মধ্যে উত্তর পাবেন।` },
]

/** [question, the heading that answers it] */
export const questions = {
  en: [
    ['How much do you charge for a carpet?', 'Carpet cleaning'],
    ['there is ink on my rug, what does it cost', 'Carpet cleaning'],
    ['price for cleaning a leather sofa with 3 seats', 'Sofa cleaning'],
    ['do you clean windows on the 7th floor?', 'Window cleaning'],
    ['my AC needs gas, how much is that', 'Air conditioner service'],
    ['is there any discount for students', 'Discounts'],
    ['if i book several services together is it cheaper?', 'Discounts'],
    ['How can I make a booking?', 'How to book'],
    ['can I move my appointment to another time', 'Changing an appointment'],
    ['I want to cancel, what do I have to pay?', 'Cancelling'],
    ['the cleaner was 40 minutes late, do I get something back?', 'Being late'],
    ['everything is full on saturday, can you put me on a list', 'Waiting list'],
    ['Do you accept credit cards or bkash?', 'Ways to pay'],
    ['can i pay by cheque', 'Ways to pay'],
    ['I need an invoice with VAT for my company', 'Invoice'],
    ['Do I have to pay something in advance for a big order? deposit?', 'Deposit'],
    ['when will I get my money back', 'Refunds'],
    ['how long do refunds take', 'Refunds'],
    ['I am not satisfied with the work you did', 'Warranty'],
    ['your man broke my vase, who pays for the damage?', 'Damage'],
    ['are your cleaners checked by the police', 'Our people'],
    ['is the cleaning agent safe for my baby', 'Cleaning agents'],
    ['do you use chlorine or other chemicals? we have a cat', 'Cleaning agents'],
    ['what happens with the keys of my flat', 'Keys'],
    ['Do you work in Gazipur?', 'Where we work'],
    ['opening hours on friday', 'Opening hours'],
    ['are you closed on Eid', 'Public holidays'],
    ['where will your van park', 'Parking'],
    ['what is included in the plus plan', 'Plus plan'],
    ['how do I leave my membership plan, notice period', 'Leaving the plan'],
    ['how long is a gift card valid', 'Gift cards'],
    ['I invited a friend, what do we get', 'Friends'],
    ['how much is a truck for moving house', 'Moving house'],
    ['water pipe burst at night, send a plumber!!', 'Plumbing'],
    ['can your electrician install a new fan', 'Electrical work'],
    ['we have bed bugs and cockroaches', 'Pest control'],
    ['how long does it take to paint a room', 'Painting'],
    ['please delete my account and all data', 'Deleting an account'],
    ['which data about me do you store', 'What we store'],
  ],
  bn: [
    ['বাথরুম পরিষ্কার করতে কত টাকা লাগে?', 'বাথরুম পরিষ্কার'],
    ['রান্নাঘরের চিমনি কি পরিষ্কার করেন', 'রান্নাঘর পরিষ্কার'],
    ['পানির ট্যাংকি ধুতে খরচ কেমন', 'পানির ট্যাংক'],
    ['আমার ফ্রিজটা নষ্ট, ঠিক করতে কত নেবেন?', 'ফ্রিজ মেরামত'],
    ['ফ্রিজের ওয়ারেন্টি কত দিনের', 'ফ্রিজ মেরামত'],
    ['রমজানে কোনো ছাড় আছে?', 'ছাড়'],
    ['নতুন গ্রাহকদের জন্য ছাড় কত', 'ছাড়'],
    ['কিভাবে বুকিং দিব', 'কীভাবে বুকিং দেবেন'],
    ['হোয়াটসঅ্যাপে কি বুকিং দেওয়া যায়', 'কীভাবে বুকিং দেবেন'],
    ['কাজের সময়টা বদলাতে চাই', 'সময় বদলানো'],
    ['বুকিংটা বাতিল করব, টাকা কাটবে?', 'বুকিং বাতিল'],
    ['আগের কর্মীকেই আবার চাই', 'একই কর্মী'],
    ['কার্ডে পেমেন্ট করা যাবে?', 'পেমেন্ট'],
    ['বিকাশে টাকা দিতে পারব কি', 'পেমেন্ট'],
    ['ফেরতের টাকা কবে পাব', 'টাকা ফেরত'],
    ['টাকা ফেরত পেতে কয় দিন লাগে', 'টাকা ফেরত'],
    ['রসিদ কোথায় পাব', 'রসিদ'],
    ['ভ্যাটের চালান লাগবে', 'রসিদ'],
    ['অগ্রিম কত দিতে হবে', 'অগ্রিম'],
    ['সিলেটে কি আপনাদের সার্ভিস আছে', 'কোথায় সেবা দিই'],
    ['চট্টগ্রামে সেবা দেন?', 'কোথায় সেবা দিই'],
    ['শুক্রবারে কয়টা থেকে খোলা', 'খোলা থাকার সময়'],
    ['ঈদের দিন কি খোলা থাকবে', 'ঈদের ছুটি'],
    ['রাতে পাইপ ফেটে গেছে, জরুরি মিস্ত্রি দরকার', 'জরুরি সেবা'],
    ['কর্মীদের কি পুলিশ যাচাই হয়', 'কর্মীদের পরিচয়'],
    ['কাজ করার সময় জিনিস ভেঙে ফেললে ক্ষতিপূরণ দেবেন?', 'ক্ষতিপূরণ'],
    ['বাচ্চা আর পোষা বিড়ালের জন্য কি নিরাপদ', 'শিশু ও পোষা প্রাণী'],
    ['কাজটা পছন্দ হয়নি', 'সন্তুষ্ট না হলে'],
    ['অভিযোগ করব কোন নম্বরে', 'অভিযোগ'],
    ['আপনাদের নামে অভিযোগ জানাতে চাই', 'অভিযোগ'],
  ],
}

/** Nothing answers these, and nothing must be put before the model for them. */
export const unanswerable = ['Do you sell bicycles?', 'who won the football match yesterday', 'Can you translate a contract into Spanish?', 'what is the capital of Peru',
  'Tell me a joke about elephants', 'do you offer yoga lessons', 'আজ ঢাকার আবহাওয়া কেমন?', 'একটা কবিতা শোনান', 'বিমানের টিকিট বিক্রি করেন?', 'ক্রিকেট খেলার খবর কী']
