import { CommlibError, type Link, type LinkEvents, type Subscription } from '@commlib/core/internal'
import type { Connection } from './connection.ts'
import type { ListenOptions, Receiver } from './subscriptions.ts'
import { toFilter, topicCache, toTopic } from './topic.ts'

export interface LinkOptions {
  /** The share group of services. */
  readonly group: string | false

  /** What return addresses begin with, without the last dot. */
  readonly inboxRoot: string

  /** Opens one more connection. */
  readonly another: () => Promise<Connection>
}

/** The verbs over one MQTT connection, or several where one cannot tell what a message came for. */
export function createLink(first: Connection, options: LinkOptions, events: LinkEvents): Link {
  const { group, inboxRoot, another } = options
  const toName = topicCache()
  const lanes: Connection[] = [first]
  let turn: Promise<unknown> = Promise.resolve()
  let closed = false
  let shares = first.shares !== false

  /**
   * Without subscription identifiers, whether overlapping filters bring a message once or twice depends on the broker,
   * and which is which is not told: they go to connections of their own.
   */
  function lane(filter: string, share: string | undefined): Connection | Promise<Connection> {
    const free = lanes.find(({ subscriptions }) => !subscriptions.conflicts(filter, share))
    if (free !== undefined) return free
    const opened = turn.then(async () => {
      const later = lanes.find(({ subscriptions }) => !subscriptions.conflicts(filter, share))
      if (later !== undefined) return later
      const connection = await another()
      if (closed) await connection.close()
      else lanes.push(connection)
      return connection
    })
    turn = opened.catch(() => {})
    return opened
  }

  async function listen(given: ListenOptions, receive: Receiver): Promise<Subscription> {
    const connection = lane(given.filter, given.share)
    // Not awaited where there is nothing to wait for, so that SUBSCRIBEs leave in the order they were asked for.
    return (connection instanceof Promise ? await connection : connection).subscriptions.listen(given, receive)
  }

  const { publish } = first
  return {
    publish,
    push: publish,

    subscribe: async (pattern, onFrame, given = {}) => {
      const { group: share, latched = false, reliable = false, durable } = given
      if (share !== undefined && (share === '' || /[/+#]/.test(share))) {
        throw new CommlibError('INVALID_OPTION', `group '${share}' must be a name without /, + and #`)
      }
      if (share !== undefined && !shares)
        throw new CommlibError('UNSUPPORTED', 'this broker has no shared subscriptions, which a group needs')
      if (share !== undefined && latched) {
        throw new CommlibError(
          'UNSUPPORTED',
          `group '${share}' cannot be latched: its members have no first message each`,
        )
      }
      const settles = reliable || durable !== undefined
      return listen(
        { filter: toFilter(pattern), share, qos: settles ? 1 : 0, latched, settles, drains: share !== undefined },
        (topic, frame) => (share !== undefined && frame.latched ? undefined : onFrame(toName(topic), frame)),
      )
    },

    // At QoS 1, since commlib-py sends its requests so.
    pull: async (queue, onFrame) => {
      const filter = toFilter(queue)
      const receive: Receiver = (_, frame) => (frame.latched ? undefined : onFrame(frame))
      const how = { filter, qos: 1, latched: false, settles: false, drains: true } as const
      const plain = () => listen(how, receive)
      if (group === false || !shares) return plain()
      try {
        return await listen({ ...how, share: group }, receive)
      } catch (error) {
        // MQTT 5 tells beforehand whether the broker can.
        if (first.version === 5 || !(error instanceof CommlibError) || error.code === 'CONNECTION_LOST') throw error
        const subscription = await plain()
        shares = false
        const message = `this broker refuses shared subscriptions: every service on '${queue}' gets each request (set group: false to expect that)`
        events.status({ type: 'error', error: new CommlibError('UNSUPPORTED', message, { cause: error }) })
        return subscription
      }
    },

    // One subscription for all calls: the token is the last level. QoS 0, since a lost answer is what deadlines are for.
    inbox: async onReply => {
      const { close } = await listen(
        { filter: `${toTopic(inboxRoot)}/+`, qos: 0, latched: false, settles: false, drains: false },
        (topic, frame) => onReply(topic.slice(inboxRoot.length + 1), frame),
      )
      return { reserve: token => `${inboxRoot}.${token}`, release: () => {}, close, [Symbol.asyncDispose]: close }
    },

    close: async () => {
      closed = true
      await Promise.all(lanes.map(connection => connection.close()))
    },
  }
}
