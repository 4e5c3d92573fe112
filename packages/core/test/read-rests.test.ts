import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, it, vi } from 'vitest'
import { ReadRests } from '../src/util/read-rests.ts'
import { createSockets } from './sockets.ts'

const connected = createSockets()

/** Two ends of a connection: what writes, and what reads and may rest. */
async function open() {
  const { reader, writer } = await connected()
  const rests = new ReadRests(reader)
  const heard: string[] = []
  let onRead = () => {}
  reader.on('data', chunk => {
    heard.push(chunk.toString())
    rests.read()
    onRead()
  })
  const handle = (reader as unknown as { _handle: { readStop(): void } })._handle
  return {
    reader,
    writer,
    stop: vi.spyOn(handle, 'readStop'),
    text: () => heard.join(''),
    onRead: (run: () => void) => {
      onRead = run
    },
  }
}

/** Writes one text after the other, each in a packet of its own, until told. */
async function stream(writer: Socket, enough: (count: number) => boolean): Promise<string> {
  let sent = ''
  for (let i = 0; !enough(i); i++) {
    writer.write(`${i},`)
    sent += `${i},`
    await new Promise(setImmediate)
  }
  return sent
}

it('rests while messages stream in, and loses none', async () => {
  const { writer, stop, text } = await open()
  const sent = await stream(writer, count => count >= 1000 && stop.mock.calls.length >= 3)
  await vi.waitFor(() => expect(text()).toBe(sent), 5000)
  expect(stop.mock.calls.length).toBeGreaterThanOrEqual(3)
})

it('does not rest where something is sent in between', async () => {
  const { reader, writer, stop, text, onRead } = await open()
  onRead(() => reader.write('!'))
  const sent = await stream(writer, count => count === 2000)
  await vi.waitFor(() => expect(text()).toBe(sent), 5000)
  expect(stop).not.toHaveBeenCalled()
})

it('does not rest where little comes', async () => {
  const { writer, stop, text } = await open()
  let sent = ''
  for (let burst = 0; burst < 20; burst++) {
    sent += await stream(writer, count => count === 10)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await vi.waitFor(() => expect(text()).toBe(sent), 5000)
  expect(stop).not.toHaveBeenCalled()
})

it('hears of an end that comes while it rests', async () => {
  const { reader, writer, stop } = await open()
  const closed = once(reader, 'close')
  await stream(writer, () => stop.mock.calls.length > 0)
  writer.destroy()
  await closed
})

it('may be destroyed while it rests', async () => {
  const { reader, writer, stop } = await open()
  writer.on('error', () => {})
  await stream(writer, () => stop.mock.calls.length > 0)
  reader.destroy()
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(reader.destroyed).toBe(true)
})

it('leaves alone what is no socket of Node', () => {
  const rests = new ReadRests({})
  for (let i = 0; i < 100; i++) rests.read()
})
