// A rule has a name, the promise it proves (a number of "Always true" in docs/reliability.md, or a page), and a way to find what breaks it: sentences with ids.

const FINDINGS_MAX = 20

export function rule(name, promise, find) {
  return { name, promise, find: async world => (await find(world)).map(text => ({ rule: name, promise, text })) }
}

/** Rows of a query as sentences; each row is a finding. */
export function sql(query, sentence, values = () => []) {
  return async world => (await world.rows(query, values(world))).map(sentence)
}

/** Findings, the first few of each rule, as one text. */
export function told(findings) {
  const byRule = Map.groupBy ? Map.groupBy(findings, finding => finding.rule) : group(findings)
  return [...byRule].map(([name, list]) => [`${name}: ${list.length}`, ...list.slice(0, FINDINGS_MAX).map(({ text }) => `  ${text}`)].join('\n')).join('\n')
}

function group(findings) {
  const groups = new Map()
  for (const finding of findings) groups.set(finding.rule, [...groups.get(finding.rule) ?? [], finding])
  return groups
}
