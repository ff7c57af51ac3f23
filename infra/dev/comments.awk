# Turns the comments beside the fields of proto/ files into the C table of shared/wire/comment.h.
BEGIN { print "#include \"wire/comment.h\"\n\nconst struct comment COMMENTS[] = {" }
/^message / { message = $2 }
/^(enum|\})/ { message = "" }
message != "" && match($0, /[a-zA-Z_]+ = [0-9]+[^;]*; *\/\/ */) {
    field = substr($0, RSTART)
    sub(/ .*/, "", field)
    text = substr($0, RSTART + RLENGTH)
    sub(/ +$/, "", text)
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    print "    { \"" message "\", \"" field "\", \"" text "\" },"
    count++
}
END { print "};\nconst size_t COMMENT_COUNT = " count ";" }
