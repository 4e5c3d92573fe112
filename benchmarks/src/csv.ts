import type { Result } from './measure.ts'
import { type Row, rows } from './rows.ts'

/** A result, and where and when it was reached. */
export type Entry = Result & { readonly where: string }

const NUMBERS = [
  ...(['run', 'figure', 'p99', 'p999', 'rate', 'cpu', 'brokerCpu', 'sent', 'lost', 'duplicates', 'failed'] as const),
]
const TEXTS = ['peer', 'name', 'class', 'semantics', 'fault', 'where'] as const

export function toCsv(entries: readonly Entry[]): string {
  const lines = entries.map(entry => [
    quoted(entry.row.id),
    ...TEXTS.map(key => quoted(entry[key])),
    ...NUMBERS.map(key => String(Number(entry[key].toPrecision(6)))),
  ])
  return `${[['row', ...TEXTS, ...NUMBERS], ...lines].map(cells => cells.join(',')).join('\n')}\n`
}

/** Reads what `toCsv` wrote, without rows that there are no longer. */
export function fromCsv(text: string): Entry[] {
  const [, ...lines] = text.split('\n').filter(line => line !== '')
  return lines.flatMap(line => {
    const cells = [...line.matchAll(/"((?:[^"]|"")*)"|([^,]+)/g)].map(
      ([, text, number]) => text?.replaceAll('""', '"') ?? number,
    )
    const row: Row | undefined = rows.find(({ id }) => id === cells[0])
    if (row === undefined) return []
    const texts = TEXTS.map((key, i) => [key, cells[i + 1]])
    const numbers = NUMBERS.map((key, i) => [key, Number(cells[i + 1 + TEXTS.length])])
    return [{ row, ...Object.fromEntries([...texts, ...numbers]) } as Entry]
  })
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""').replaceAll('\n', ' ')}"`
}
