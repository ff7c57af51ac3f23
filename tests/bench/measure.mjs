// What processes use: CPU time and proportional memory from /proc.
import { readFileSync } from 'node:fs'

const TICKS = 100 // sysconf(_SC_CLK_TCK) on Linux

/** A pid and all its descendants (PostgreSQL is a family). */
function family(root) {
  const pids = [root]
  for (const pid of pids) {
    try { pids.push(...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)) } catch { /* it ended */ }
  }
  return pids
}

export function cpuSeconds(root) {
  let ticks = 0
  for (const pid of family(root)) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    } catch { /* it ended */ }
  }
  return ticks / TICKS
}

export function memoryMb(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = name => Number(rollup.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]) / 1024
  return { pss: field('Pss'), rss: field('Rss') }
}

export const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

export function summary(times) {
  const sorted = [...times].sort((a, b) => a - b)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1) }
}
