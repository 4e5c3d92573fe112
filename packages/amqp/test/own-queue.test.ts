import { type Rabbit, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, bytes, connect, eventually, list, quiet, text, unique } from './support.ts'

let broker: Rabbit
beforeAll(async () => {
  broker = await startRabbit({ own: true })
})
afterAll(() => broker.close())

/** Names of the queues that the broker has named. */
async function queues(): Promise<string[]> {
  const told = await broker.ctl('list_queues', 'name', '--silent')
  return told.split('\n').filter(name => name.startsWith('amq.gen'))
}

describe('what is heard at best effort', () => {
  it('shares one queue, which goes with the last that listens', async () => {
    const { transport } = await connect(broker.url)
    const root = unique()
    const subscriptions = []
    for (const n of list(5)) subscriptions.push(await transport.subscribe(`${root}.${n}`, () => {}))
    expect(await queues()).toHaveLength(1)
    for (const each of subscriptions) await each.close()
    await eventually(async () => expect(await queues()).toEqual([]))
  })

  it('comes once for each that listens, whatever overlaps, comes and goes', async () => {
    const [{ transport: a }, { transport: b }] = [await connect(broker.url), await connect(broker.url)]
    const root = unique()
    const got: string[] = []
    const hear = (name: string, pattern: string) =>
      b.subscribe(
        `${root}.${pattern}`,
        (topic, frame) => void got.push(`${name} ${topic.slice(root.length + 1)} ${text(frame)}`),
      )
    await hear('plain', 'x.y')
    await hear('again', 'x.y')
    await hear('star', 'x.*')
    await hear('all', '*')
    let churning = await hear('churn', 'x.y')
    for (const n of list(30)) {
      // The end of a binding must not overtake the one that takes its place.
      const closed = churning.close()
      churning = await hear('churn', 'x.y')
      await closed
      const passing = await hear('passing', `passing.${n}`)
      void passing.close()
    }
    await a.publish(`${root}.x.y`, { body: bytes('1') })
    await a.publish(`${root}.x`, { body: bytes('2') })
    await a.publish(`${root}.passing.3`, { body: bytes('3') })
    await eventually(() => expect(got).toContain('all passing.3 3'))
    await quiet()
    expect(got.sort()).toEqual(
      ['plain x.y 1', 'again x.y 1', 'star x.y 1', 'all x.y 1', 'churn x.y 1', 'all x 2', 'all passing.3 3'].sort(),
    )
  })

  it('is heard again by all when somebody deletes the queue', async () => {
    const [{ transport: a }, { transport: b }] = [await connect(broker.url), await connect(broker.url)]
    const root = unique()
    const got = new Set<string>()
    for (const n of list(5)) await b.subscribe(`${root}.${n}`, topic => void got.add(topic))
    const topics = list(5).map(n => `${root}.${n}`)
    for (let round = 0; round < 5; round++) {
      const [queue] = await queues()
      await broker.ctl(
        'eval',
        `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)), rabbit_amqqueue:delete_immediately([amqqueue:get_pid(Q)]).`,
      )
      got.clear()
      await eventually(async () => {
        for (const topic of topics) await a.publish(topic, { body: bytes('x') })
        await quiet(20)
        expect([...got].sort()).toEqual(topics)
      })
      const now = await queues()
      expect(now).toHaveLength(1)
      expect(now).not.toContain(queue)
    }
  })

  it('goes on when one of them is refused', async () => {
    const { transport, errors, statuses } = await connect(broker.url)
    const root = unique()
    const got: string[] = []
    const hear = (topic: string) => transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    await hear(`${root}.open`)
    await broker.ctl('set_topic_permissions', 'guest', 'amq.topic', '.*', `^${root}[.]open`)
    after(() => broker.ctl('clear_topic_permissions', 'guest'))
    const sending = setInterval(() => void transport.publish(`${root}.open`, { body: bytes('x') }), 2)
    after(() => clearInterval(sending))
    for (let i = 0; i < 5; i++)
      await expect(hear(`${root}.closed`)).rejects.toMatchObject({
        code: 'NOT_AUTHORIZED',
        message: expect.stringContaining(`${root}.closed`),
      })
    const before = got.length
    await eventually(() => expect(got.length).toBeGreaterThan(before))
    expect(errors).toEqual([])
    expect(statuses).toEqual([{ type: 'connected' }])
    expect(await queues()).toHaveLength(1)
  })
})
