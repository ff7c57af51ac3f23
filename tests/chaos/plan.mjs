// How hard a chaos test works, and its dice: the short form runs in `make test`, the full one (CHAOS=full) in `make chaos`. CHAOS_SEED repeats a run.
export const full = process.env.CHAOS === 'full'
export const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1e9)

/** Numbers below 1, the same ones for the same seed (mulberry32). */
export function dice(from = seed) {
  let state = from >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  next.below = limit => Math.floor(next() * limit)
  next.of = list => list[next.below(list.length)]
  next.between = (low, high) => low + next.below(high - low + 1)
  return next
}
