import { type Case, wiresOf } from './bench.ts'
import { type CaseName, cases } from './cases/index.ts'
import { type SupportTable, supportOf } from './support.ts'
import { type BrokerName, versions, wiresOn } from './versions.ts'

const SUBJECTS = { ours: 'Our node', python: 'A commlib-py peer' } as const

/** What a table of support says, for people: one Markdown table for each side that begins, and the reasons below. */
export function renderTable(broker: BrokerName, table: SupportTable): string {
  const reasons: string[] = []
  const note = (reason: string) => {
    if (!reasons.includes(reason)) reasons.push(reason)
    return reasons.indexOf(reason) + 1
  }
  const cell = (name: CaseName, version: (typeof versions)[number]) => {
    const support = supportOf(table, name, version)
    if (typeof support === 'string') return support
    return 'cannot' in support ? `cannot (${note(support.cannot)})` : 'patched'
  }
  const rows = (from: Case['from']) =>
    (Object.entries(cases) as Array<[CaseName, Case]>)
      .filter(([, each]) => each.from === from)
      .map(([name, each]) =>
        row([`… ${each.title}`, wiresText(each, broker), ...versions.map(version => cell(name, version))]),
      )
  const tables = (['ours', 'python'] as const).map(from =>
    [
      row([`${SUBJECTS[from]} …`, 'our wire', ...versions]),
      row(['---', '---', ...versions.map(() => '---')]),
      ...rows(from),
    ].join('\n'),
  )
  return [
    ...tables,
    reasons.map((reason, i) => `${i + 1}. ${reason[0]?.toUpperCase()}${reason.slice(1)}.`).join('\n'),
  ].join('\n\n')
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function wiresText(each: Case, broker: BrokerName): string {
  if (each.wire === 'other') return 'the other'
  if (wiresOf(each, broker, '0.13.2').length === 1) return "the peer's"
  return (['0.6', '0.13', '0.13.2'] as const).filter(wire => wiresOn(broker, '0.13.2').includes(wire)).join(', ')
}
