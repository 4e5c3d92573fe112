import { expect, it, vi } from 'vitest'
import {
  bytes,
  type ComplianceOptions,
  createBench,
  eventually,
  gate,
  lengths,
  numbers,
  quiet,
  text,
  unique,
} from './bench.ts'

export function testQueues(options: ComplianceOptions): void {
  const bench = createBench(options)
  const { supports } = bench
  const pair = () => Promise.all([bench.connect(), bench.connect()])

  it('give a consumer every frame, in order', async () => {
    const [a, b] = await pair()
    const queue = `${unique()}.math.add`
    const got: string[] = []
    await b.pull(queue, frame => void got.push(text(frame)))
    const sent = numbers(100)
    for (const body of sent.slice(0, 50)) await a.push(queue, { body: bytes(body) })
    await Promise.all(sent.slice(50).map(body => a.push(queue, { body: bytes(body) })))
    await eventually(() => expect(got).toEqual(sent))
  })

  it.each(lengths(options))('carry %s', async (_, length) => {
    const [a, b] = await pair()
    const queue = unique()
    const body = Uint8Array.from({ length }, (_, i) => i)
    const got: Uint8Array[] = []
    await b.pull(queue, frame => void got.push(frame.body))
    await a.push(queue, { body })
    await eventually(() => expect(got).toHaveLength(1))
    expect(got[0]).toBeInstanceOf(Uint8Array)
    expect(Buffer.compare(got[0] ?? new Uint8Array(), body)).toBe(0)
  })

  if (supports.properties) {
    it('carry properties beside the body', async () => {
      const [a, b] = await pair()
      const queue = unique()
      const got = vi.fn()
      await b.pull(queue, frame => got(frame))
      const inbox = await a.inbox(() => {})
      const replyTo = inbox.reserve('t1')
      const properties = { correlationId: 't1', contentType: 'application/json', headers: { one: '1' } }
      await a.push(queue, { body: bytes('x'), replyTo, ...properties })
      await eventually(() => expect(got).toHaveBeenCalledOnce())
      expect(got.mock.lastCall?.[0]).toMatchObject({ ...properties, replyTo: expect.any(String) })
      if (!supports.expiry) return
      await a.push(queue, { body: bytes('x'), expiry: 5000 })
      await eventually(() => expect(got).toHaveBeenCalledTimes(2))
      const left = got.mock.lastCall?.[0].expiry
      expect(left).toBeGreaterThan(2000)
      expect(left).toBeLessThanOrEqual(5000)
    })
  }

  if (supports.competing) {
    it('give each frame to one consumer, in turn', async () => {
      const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
      const queue = unique()
      const got: Record<'b' | 'c', string[]> = { b: [], c: [] }
      await b.pull(queue, frame => void got.b.push(text(frame)))
      await c.pull(queue, frame => void got.c.push(text(frame)))
      const sent = numbers(20)
      for (const [i, body] of sent.entries()) {
        await a.push(queue, { body: bytes(body) })
        await eventually(() => expect(got.b.length + got.c.length).toBe(i + 1))
      }
      await quiet()
      expect([...got.b, ...got.c].sort()).toEqual([...sent].sort())
      expect(got.b).not.toEqual([])
      expect(got.c).not.toEqual([])
    })
  }

  if (supports.queueing) {
    it('hold frames until somebody consumes', async () => {
      const [a, b] = await pair()
      const queue = unique()
      await (await b.pull(queue, () => {})).close()
      await a.push(queue, { body: bytes('1') })
      await a.push(queue, { body: bytes('2') })
      const got: string[] = []
      await b.pull(queue, frame => void got.push(text(frame)))
      await eventually(() => expect(got).toEqual(['1', '2']))
    })

    it('run no more handlers than asked, and as many', async () => {
      const [a, b] = await pair()
      const queue = unique()
      let running = 0
      let most = 0
      let done = 0
      const handle = async () => {
        most = Math.max(most, ++running)
        await quiet(20)
        running--
        done++
      }
      await b.pull(queue, handle, { concurrency: 2 })
      for (const body of numbers(10)) await a.push(queue, { body: bytes(body) })
      await eventually(() => expect(done).toBe(10))
      expect(most).toBe(2)
    })
  }

  if (supports.queueing && supports.competing) {
    it('leave to others what a busy consumer has not begun, also when it closes', async () => {
      const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
      const queue = unique()
      const done: string[] = []
      const held = gate()
      bench.after(held.open)
      const begun = gate()
      const hold = async (frame: Parameters<typeof text>[0]) => {
        begun.open()
        await held.opened
        done.push(`b ${text(frame)}`)
      }
      const busy = await b.pull(queue, hold, { concurrency: 1 })
      for (const body of ['1', '2', '3']) await a.push(queue, { body: bytes(body) })
      await begun.opened
      const other = await c.pull(queue, frame => void done.push(`c ${text(frame)}`), { concurrency: 1 })
      await eventually(() => expect(done).toEqual(['c 2', 'c 3']))
      await other.close()
      await a.push(queue, { body: bytes('4') })
      const closing = busy.close()
      held.open()
      await closing
      await c.pull(queue, frame => void done.push(`c ${text(frame)}`))
      await eventually(() => expect(done).toEqual(expect.arrayContaining(['b 1', 'c 4'])))
      await quiet()
      expect(done).toHaveLength(4)
    })
  }

  if (supports.queueing && supports.expiry) {
    it('hold no frame longer than it is worth', async () => {
      const [a, b] = await pair()
      const queue = unique()
      await (await b.pull(queue, () => {})).close()
      await a.push(queue, { body: bytes('old'), expiry: 100 })
      await a.push(queue, { body: bytes('lasting') })
      await quiet(300)
      const got: string[] = []
      await b.pull(queue, frame => void got.push(text(frame)))
      await eventually(() => expect(got).toContain('lasting'))
      expect(got).toEqual(['lasting'])
    })
  }

  if (supports.noService !== 'never') {
    it('tell whoever asks when nobody consumes', async () => {
      const [a, b] = await pair()
      const queue = unique()
      const told = new Map<string, (error: Error) => void>()
      const inbox = await a.inbox(() => {}, { onReturned: (token, error) => told.get(token)?.(error) })
      const push = (token: string) => {
        const returned = new Promise<never>((_, reject) => told.set(token, reject))
        const pushed = a.push(
          queue,
          { body: bytes('x'), replyTo: inbox.reserve(token), correlationId: token },
          { mandatory: supports.noService === 'confirmed' },
        )
        return Promise.race([returned, pushed.then(() => quiet())])
      }
      await expect(push('t1')).rejects.toMatchObject({ code: 'NO_SERVICE', message: expect.stringContaining(queue) })
      const got = vi.fn()
      const service = await b.pull(queue, got)
      await push('t2')
      await eventually(() => expect(got).toHaveBeenCalledOnce())
      await service.close()
      await expect(push('t3')).rejects.toMatchObject({ code: 'NO_SERVICE' })
    })
  }

  it('stop when the consumer closes, which may be done twice', async () => {
    const [a, b] = await pair()
    const queue = unique()
    const got = vi.fn()
    const consumer = await b.pull(queue, got)
    await consumer.close()
    await consumer.close()
    await a.push(queue, { body: bytes('late') })
    await quiet()
    expect(got).not.toHaveBeenCalled()
  })

  it('can be pushed to and pulled by a handler', async () => {
    const [a, b] = await pair()
    const queue = unique()
    const done = gate()
    const handle = async () => {
      await b.pull(`${queue}.next`, () => done.open())
      await b.push(`${queue}.next`, { body: bytes('x') })
      await done.opened
    }
    await b.pull(queue, handle, { concurrency: 1 })
    await a.push(queue, { body: bytes('x') })
    await done.opened
  })
}
