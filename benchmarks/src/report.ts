import { quotient, tell, verdicts } from './compare.ts'
import type { Entry } from './csv.ts'
import { groups } from './groups.ts'
import { peers } from './peers/index.ts'
import type { Row } from './rows.ts'
import { median, sum, summarize } from './statistics.ts'
import { table } from './table.ts'

export const TITLES = {
  mqtt: 'MQTT',
  redis: 'Redis',
  amqp: 'AMQP',
  memory: 'In memory',
  nats: 'NATS, for reference',
} as const
const RAW = ['raw', 'raw-nodelay'] as const

/** One table a transport: a line a row, a column a peer. */
export function toSummary(entries: readonly Entry[]): string {
  return groups(entries, ({ row }) => row.transport)
    .map(([transport, own]) => `### ${TITLES[transport]}\n\n${chartOf(transport)}${overview(own)}`)
    .join('\n\n')
}

/** A table a row, with everything that was measured. */
export function toDetails(entries: readonly Entry[]): string {
  return groups(entries, ({ row }) => row)
    .map(([row, own]) => details(row, own))
    .join('\n')
}

function chartOf(transport: Row['transport']): string {
  return transport === 'memory' ? '' : `![Rows on ${TITLES[transport]}](results/${transport}.svg)\n\n`
}

function overview(entries: readonly Entry[]): string {
  const columns = peersOf(entries)
  const head = ['row', ...columns.map(peer => nameOf(entries, peer)), 'commlib against raw']
  const lines = groups(entries, ({ row }) => row).map(([row, own]) => [
    `${row.title} (${row.unit})`,
    ...columns.map(peer => cell(own.filter(entry => entry.peer === peer))),
    verdicts(row, own)
      .map(({ reached, passed }) => `${reached.median.toFixed(2)} × ${passed ? '✓' : '✗'}`)
      .join(', ') || comparedWith(own, RAW.findLast(raw => own.some(({ peer }) => peer === raw)) ?? ''),
  ])
  return table(head, lines)
}

function comparedWith(entries: readonly Entry[], raw: string): string {
  const reached = quotient(entries, 'commlib', raw)
  return reached === undefined ? '' : `${reached.median.toFixed(2)} ×`
}

function cell(entries: readonly Entry[]): string {
  const [first] = entries
  if (first === undefined) return ''
  const figures = finite(entries)
  if (figures.length === 0) return 'failed'
  const lost = sum(entries.map(entry => entry.lost))
  const share = lost / sum(entries.map(({ sent }) => sent))
  return show(median(figures)) + (lost > 0 ? ` (${(share * 100).toPrecision(2)} % lost)` : '')
}

function details(row: Row, entries: readonly Entry[]): string {
  const compared = row.transport !== 'memory'
  const timed = compared && row.unit === 'µs'
  const raws = RAW.filter(raw => compared && entries.some(({ peer }) => peer === raw))
  const head = [
    ...['peer', `median (${row.unit})`, 'min – max'],
    ...(timed ? ['p99 (µs)', 'p99.9 (µs)', 'calls/s'] : []),
    ...raws.map(raw => `of ${nameOf(entries, raw)}`),
    ...(compared ? ['CPU (µs)', 'broker CPU (µs)', 'sent', 'lost', 'duplicates', 'failed'] : []),
    ...['class', 'semantics'],
  ]
  const lines = peersOf(entries).map(peer => {
    const own = entries.filter(entry => entry.peer === peer)
    const { median: middle, min, max } = summarize(finite(own))
    const total = (key: 'sent' | 'lost' | 'duplicates' | 'failed') => String(sum(own.map(entry => entry[key])))
    const typical = (key: 'p99' | 'p999' | 'rate' | 'cpu' | 'brokerCpu') => show(median(own.map(entry => entry[key])))
    const faults = [...new Set(own.map(({ fault }) => fault).filter(Boolean))].map(fault => fault.slice(0, 120))
    return [
      ...[own[0]?.name ?? peer, show(middle), `${show(min)} – ${show(max)}`],
      ...(timed ? [typical('p99'), typical('p999'), typical('rate')] : []),
      ...raws.map(raw => {
        const reached = quotient(entries, peer, raw)
        return reached === undefined ? '–' : `${reached.median.toFixed(2)} ×`
      }),
      ...(compared
        ? [typical('cpu'), typical('brokerCpu'), ...(['sent', 'lost', 'duplicates', 'failed'] as const).map(total)]
        : []),
      ...[own[0]?.class ?? '', [own[0]?.semantics, ...faults].join(' ')],
    ]
  })
  const told = verdicts(row, entries).map(verdict => tell(verdict, peer => nameOf(entries, peer)))
  const where = [...new Set(entries.map(entry => entry.where))].join('; ')
  return [`### ${row.id}: ${row.title}`, where, table(head, lines), ...told, ''].join('\n\n')
}

/** In the order they are listed in. */
function peersOf(entries: readonly Entry[]): string[] {
  return Object.keys(peers).filter(name => entries.some(({ peer }) => peer === name))
}

function nameOf(entries: readonly Entry[], peer: string): string {
  return entries.find(entry => entry.peer === peer)?.name ?? peer
}

function finite(entries: readonly Entry[]): number[] {
  return entries.map(({ figure }) => figure).filter(Number.isFinite)
}

function show(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}
