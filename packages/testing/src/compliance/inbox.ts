import type { Frame, Inbox, Transport } from '@commlib/core/internal'
import { expect, it } from 'vitest'
import { bytes, type ComplianceOptions, createBench, eventually, numbers, quiet, text, unique } from './bench.ts'

interface Question {
  readonly echo: string
  readonly replyTo: string
  readonly correlationId: string
}

export function testInbox(options: ComplianceOptions): void {
  const bench = createBench(options)
  const { supports } = bench

  /** Answers with what it was asked, after `delay(echo)` milliseconds. */
  const serve = async (delay: (echo: string) => number = () => 0) => {
    const service = await bench.connect()
    const queue = unique()
    const failures: unknown[] = []
    await service.pull(queue, async frame => {
      const asked: Question = JSON.parse(text(frame))
      await quiet(delay(asked.echo))
      // Where the wire carries no properties, core puts them into the body.
      const { replyTo, correlationId } = supports.properties ? frame : asked
      if (replyTo === undefined) throw new Error('a question without an address')
      const answer = { body: bytes(asked.echo), correlationId }
      // Called in here, since a transport must not throw either.
      await (async () => service.push(replyTo, answer))().catch(error => failures.push(error))
    })
    return { service, queue, failures }
  }

  const ask = async (from: Transport, inbox: Inbox, queue: string, token: string, echo = token) => {
    const replyTo = inbox.reserve(token)
    const body = bytes(JSON.stringify({ echo, replyTo, correlationId: token } satisfies Question))
    const frame: Frame = { body, replyTo, correlationId: token }
    await from.push(queue, frame)
  }

  it('gets the answer of each call under its token', async () => {
    const { queue } = await serve(echo => Number(echo) % 7)
    const a = await bench.connect()
    const got = new Map<string, string>()
    const inbox = await a.inbox((token, frame) => void got.set(token, text(frame)))
    const tokens = numbers(100).map(number => `a${number}`)
    await Promise.all(tokens.map(token => ask(a, inbox, queue, token, token.slice(1))))
    await eventually(() => expect(got.size).toBe(100))
    for (const token of tokens) expect(got.get(token)).toBe(token.slice(1))
  })

  it('gets no answers of others', async () => {
    const { queue } = await serve()
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const got: string[] = []
    const ours = await a.inbox((token, frame) => void got.push(`a ${token} ${text(frame)}`))
    const theirs = await b.inbox((token, frame) => void got.push(`b ${token} ${text(frame)}`))
    ours.reserve('2')
    await ask(a, ours, queue, '1', 'x')
    await ask(b, theirs, queue, '2', 'y')
    await eventually(() => expect([...got].sort()).toEqual(['a 1 x', 'b 2 y']))
    await quiet()
    expect(got).toHaveLength(2)
  })

  it('drops answers that come after the release', async () => {
    const { queue } = await serve(echo => (echo === 'late' ? 50 : 0))
    const a = await bench.connect()
    const got: string[] = []
    const inbox = await a.inbox(token => void got.push(token))
    await ask(a, inbox, queue, 'late')
    inbox.release('late')
    inbox.release('late')
    await ask(a, inbox, queue, 'next')
    await eventually(() => expect(got).toContain('next'))
    await quiet(200)
    expect(got).toEqual(['next'])
  })

  it('drops answers when it is closed, which may be done twice, and harms nobody', async () => {
    const { queue } = await serve(() => 50)
    const a = await bench.connect()
    const got: string[] = []
    const inbox = await a.inbox(token => void got.push(token))
    await ask(a, inbox, queue, '1')
    await inbox.close()
    await inbox.close()
    await quiet(200)
    expect(got).toEqual([])
    const next = await a.inbox(token => void got.push(`next ${token}`))
    await ask(a, next, queue, '2')
    await eventually(() => expect(got).toEqual(['next 2']))
  })

  it('may be gone with its connection when the answer comes', async () => {
    const { queue, failures } = await serve(() => 50)
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    await ask(a, await a.inbox(() => {}), queue, '1')
    await a.close()
    await quiet(200)
    const got: string[] = []
    await ask(b, await b.inbox(token => void got.push(token)), queue, '2')
    await eventually(() => expect(got).toEqual(['2']))
    // The broker may know that nobody waits for the answer, and say so.
    for (const failure of failures) expect(failure).toMatchObject({ code: 'NO_SERVICE' })
  })

  it('can be answered by its own connection', async () => {
    const { service, queue } = await serve()
    const got: string[] = []
    await ask(service, await service.inbox(token => void got.push(token)), queue, '1')
    await eventually(() => expect(got).toEqual(['1']))
  })
}
