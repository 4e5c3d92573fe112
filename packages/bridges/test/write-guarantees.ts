// Writes the README's table of guarantees, from what the transports say of themselves.
import { readFileSync, writeFileSync } from 'node:fs'
import { amqp } from '@commlib/amqp'
import { memory } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { guaranteeOf, lineOf } from './guarantees.ts'

const transports = { memory: memory(), 'MQTT 5': mqtt(), Redis: redis(), AMQP: amqp() }
const file = new URL('../README.md', import.meta.url)
const text = readFileSync(file, 'utf8')
const start = text.indexOf('| from → to')
const end = text.indexOf('\n\n', start)
const columns = [
  'from → to',
  'by default',
  '`reliable` topic',
  '`reliable` pattern',
  '`latched` topic',
  'id and hops travel with',
  'a call that nobody serves',
]
const lines = Object.entries(transports).flatMap(([from, source]) =>
  Object.entries(transports).map(([to, sink]) => lineOf(from, to, guaranteeOf(source.supports, sink.supports))),
)
const table = [`| ${columns.join(' | ')} |`, `|${'---|'.repeat(columns.length)}`, ...lines].join('\n')
writeFileSync(file, text.slice(0, start) + table + text.slice(end))
