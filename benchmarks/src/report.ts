import type { Result } from './measure.ts'
import type { Row } from './rows.ts'
import { median, type Summary, sum, summarize } from './statistics.ts'

const RAW = ['mqttjs', 'mqttjs-nodelay'] as const

export function toCsv(results: readonly Result[]): string {
  const head = 'row,run,peer,unit,figure,rate,cpu,brokerCpu,sent,lost,duplicates,failed'
  const lines = results.map(({ row, run, peer, figure, rate, cpu, brokerCpu, sent, lost, duplicates, failed }) =>
    [
      row.id,
      run,
      peer,
      row.unit,
      figure.toPrecision(6),
      rate.toFixed(1),
      cpu.toFixed(3),
      brokerCpu.toFixed(3),
      sent,
      lost,
      duplicates,
      failed,
    ].join(','),
  )
  return `${[head, ...lines].join('\n')}\n`
}

export function toMarkdown(results: readonly Result[]): string {
  const rows = [...new Set(results.map(({ row }) => row))]
  return rows.map(row => section(row, of(results, row))).join('\n')
}

function section(row: Row, results: readonly Result[]): string {
  const peers = [...new Set(results.map(({ peer }) => peer))].sort()
  const compared = row.transport !== 'memory'
  const rated = compared && row.unit !== '/s'
  const head = [
    'peer',
    `median (${row.unit})`,
    'min – max',
    ...(rated ? ['calls/s'] : []),
    ...(compared
      ? ['of mqtt.js', 'of mqtt.js, noDelay', 'CPU (µs)', 'broker CPU (µs)', 'sent', 'lost', 'duplicates', 'failed']
      : []),
    'semantics',
  ]
  const lines = peers.map(peer => {
    const own = results.filter(result => result.peer === peer)
    const { median: middle, min, max } = summarize(own.map(({ figure }) => figure))
    const count = (key: 'sent' | 'lost' | 'duplicates' | 'failed') => String(sum(own.map(result => result[key])))
    return [
      own[0]?.name ?? peer,
      show(middle),
      `${show(min)} – ${show(max)}`,
      ...(rated ? [show(median(own.map(({ rate }) => rate)))] : []),
      ...(compared
        ? [
            ...RAW.map(raw => `${quotient(results, peer, raw).median.toFixed(2)} ×`),
            show(median(own.map(({ cpu }) => cpu))),
            show(median(own.map(({ brokerCpu }) => brokerCpu))),
            ...(['sent', 'lost', 'duplicates', 'failed'] as const).map(count),
          ]
        : []),
      own[0]?.semantics ?? '',
    ]
  })
  const table = [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  return `### ${row.title}\n\n${table}\n\n${verdict(row, results)}\n`
}

/** Whether commlib reached the row's target. */
export function verdict(row: Row, results: readonly Result[]): string {
  const { target } = row
  if (target === undefined) return 'No target.'
  const { atMost, atLeast, aim, to } = target
  const compared = row.transport !== 'memory'
  const figures = compared
    ? quotient(results, 'commlib', to)
    : summarize(results.filter(({ peer }) => peer === 'commlib').map(({ figure }) => figure))
  const { median: reached, min, max } = figures
  const passed = reached <= (atMost ?? Infinity) && reached >= (atLeast ?? 0)
  const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
  const name = results.find(({ peer }) => peer === to)?.name ?? to
  const aimed = aim === undefined ? '' : `, aim ${aim} × ${reached >= aim ? 'reached' : 'not reached'}`
  const spread = `${reached.toFixed(2)} × (${min.toFixed(2)} – ${max.toFixed(2)})`
  return `Target ${bound} × ${name}: **${passed ? 'pass' : 'FAIL'}** with ${spread}${aimed}.`
}

/** Compared run by run, since a run's turns are taken side by side. */
function quotient(results: readonly Result[], peer: string, other: string): Summary {
  return summarize(
    results
      .filter(result => result.peer === peer)
      .map(({ run, figure }) => {
        const base = results.find(result => result.peer === other && result.run === run)
        return figure / (base?.figure ?? Number.NaN)
      }),
  )
}

function of(results: readonly Result[], row: Row): Result[] {
  return results.filter(result => result.row === row)
}

function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}
