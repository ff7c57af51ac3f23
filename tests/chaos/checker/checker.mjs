// The checker: holds everything there is to see of a system against what is always true of it. A finding is a sentence with ids; a healthy system has none.
import { companyRules } from './company.mjs'
import { costRules } from './cost.mjs'
import { eventRules } from './events.mjs'
import { fileRules } from './files.mjs'
import { gateRules } from './gate.mjs'
import { jobRules } from './jobs.mjs'
import { orderRules } from './order.mjs'
import { owedRules } from './owed.mjs'
import { silenceRules } from './silence.mjs'
import { stageRules } from './stages.mjs'
import { storedRules } from './stored.mjs'
import { World } from './world.mjs'

export const RULES = [...storedRules, ...owedRules, ...gateRules, ...orderRules, ...companyRules, ...jobRules, ...eventRules, ...silenceRules,
  ...fileRules, ...costRules, ...stageRules]

/** All findings: [{rule, promise, text}]. See World.read for what it needs. */
export async function check(system) {
  const world = await World.read(system)
  try {
    const findings = []
    for (const { find } of RULES) findings.push(...await find(world))
    return findings
  } finally {
    await world.close()
  }
}
