import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { toChart } from './chart.ts'
import { type Entry, fromCsv, toCsv } from './csv.ts'
import { groups } from './groups.ts'
import { TITLES, toDetails, toSummary } from './report.ts'
import { rows } from './rows.ts'

const folder = new URL('../results/', import.meta.url)

/** Writes the CSV, the tables and the charts; a full run's go into the README too. Returns the summary. */
export function writeResults(entries: readonly Entry[], { quick }: { readonly quick: boolean }): string {
  mkdirSync(folder, { recursive: true })
  if (quick) {
    write('quick.csv', toCsv(entries))
    write('quick.md', toDetails(entries))
    return toSummary(entries)
  }
  const all = merge(entries)
  write('latest.csv', toCsv(all))
  write('latest.md', toDetails(all))
  for (const [transport, own] of groups(all, ({ row }) => row.transport))
    if (transport !== 'memory') write(`${transport}.svg`, toChart(`Rows on ${TITLES[transport]}`, own))
  showInReadme('results', toSummary(all))
  return toSummary(entries)
}

/** Rows that were not measured this time stay as they were: each entry says when and where it comes from. */
function merge(entries: readonly Entry[]): Entry[] {
  const file = new URL('latest.csv', folder)
  const before = existsSync(file) ? fromCsv(readFileSync(file, 'utf8')) : []
  const isNew = ({ row, peer }: Entry) => entries.some(entry => entry.row === row && entry.peer === peer)
  const order = new Map(rows.map((row, i) => [row, i]))
  return [...before.filter(entry => !isNew(entry)), ...entries].sort(
    (a, b) => (order.get(a.row) ?? 0) - (order.get(b.row) ?? 0),
  )
}

/** Writes what is measured beside the rows. */
export function writeExtra(name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  write(`${name}.md`, `${text}\n`)
  showInReadme(name, text)
}

/** Between the comments that name the part. */
function showInReadme(part: string, text: string): void {
  const file = new URL('../README.md', import.meta.url)
  const [before, after] = readFileSync(file, 'utf8').split(
    new RegExp(`(?<=<!-- ${part} -->\\n)[\\s\\S]*(?=<!-- /${part} -->)`),
  )
  if (after === undefined) throw new Error(`the README has no place for '${part}'`)
  writeFileSync(file, `${before}\n${text}\n\n${after}`)
}

function write(name: string, text: string): void {
  writeFileSync(new URL(name, folder), text)
}
