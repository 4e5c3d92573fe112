import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, it, vi } from 'vitest'
import { lentReads, takeReads } from '../src/util/lent-reads.ts'
import { createSockets } from './sockets.ts'

const connected = createSockets()
const open = () => connected({ onread: lentReads })

/** Takes what a socket reads: as texts, and as it was given. */
function take(socket: Socket) {
  const texts: string[] = []
  const chunks: Uint8Array[] = []
  const lents = new Set<boolean>()
  takeReads(socket, (chunk, lent) => {
    texts.push(Buffer.from(chunk).toString())
    chunks.push(chunk)
    lents.add(lent)
  })
  return { text: () => texts.join(''), chunks, lents }
}

it('lends all sockets the same bytes', async () => {
  const one = await open()
  const other = await open()
  const [first, second] = [take(one.reader), take(other.reader)]
  one.writer.write('one')
  await vi.waitFor(() => expect(first.text()).toBe('one'))
  other.writer.write('two')
  await vi.waitFor(() => expect(second.text()).toBe('two'))
  expect(first.chunks[0]?.buffer).toBe(second.chunks[0]?.buffer)
  expect(Buffer.from(first.chunks[0] ?? []).toString()).toBe('two')
  expect([...first.lents, ...second.lents]).toEqual([true, true])
})

it('tells as data, for good, what comes before it is taken', async () => {
  const { reader, writer } = await open()
  const before: Buffer[] = []
  const listener = (chunk: Buffer) => void before.push(chunk)
  reader.on('data', listener)
  writer.write('hello')
  await vi.waitFor(() => expect(before).toHaveLength(1))
  reader.off('data', listener)
  const { text } = take(reader)
  writer.write('world')
  await vi.waitFor(() => expect(text()).toBe('world'))
  expect(before.map(String)).toEqual(['hello'])
})

it('takes what comes to a socket of any other kind, not lent', async () => {
  const { reader, writer } = await connected()
  const { text, lents } = take(reader)
  writer.write('hello')
  await vi.waitFor(() => expect(text()).toBe('hello'))
  expect([...lents]).toEqual([false])
})

it('misses nothing of a mebibyte, nor its end', async () => {
  const { reader, writer } = await open()
  const { text, lents } = take(reader)
  const ended = once(reader, 'end')
  const sent = Array.from({ length: 150_000 }, (_, i) => `${i},`).join('')
  writer.end(sent)
  await ended
  expect(text()).toBe(sent)
  expect([...lents]).toEqual([true])
})
