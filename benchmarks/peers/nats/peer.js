import { connect } from '@nats-io/transport-node'

const CALL = 'bench.call'
const EVENTS = 'bench.events'

/** Messages between two flushes: nats.js itself has no backpressure. */
const WINDOW = 256

/**
 * nats.js as its README shows it.
 *
 * @returns {import('../../src/peers/peer.ts').Peer}
 */
export function createPeer() {
  const open = url => connect({ servers: url.replace('nats://', '') })

  return {
    name: 'nats.js',
    semantics: {
      rpc: { class: 'best-effort', about: 'a deadline; no validation' },
      events: { class: 'best-effort', about: 'a flush every 256 messages; no validation' },
    },

    serve: async (url, onValue) => {
      const connection = await open(url)
      connection.subscribe(CALL, {
        callback: (_, message) => {
          const value = message.json()
          onValue(value)
          message.respond(JSON.stringify(value))
        },
      })
      await connection.flush()
    },

    caller: async url => {
      const connection = await open(url)
      return async value => (await connection.request(CALL, JSON.stringify(value), { timeout: 10_000 })).json()
    },

    subscribe: async (url, onValue, { topics }) => {
      const connection = await open(url)
      connection.subscribe(topics === undefined ? EVENTS : `${EVENTS}.*`, {
        callback: (_, message) => onValue(message.json()),
      })
      await connection.flush()
    },

    publisher: async (url, { topics }) => {
      const connection = await open(url)
      let count = 0
      return (value, index) => {
        connection.publish(topics === undefined ? EVENTS : `${EVENTS}.${index}`, JSON.stringify(value))
        return ++count % WINDOW === 0 ? connection.flush() : undefined
      }
    },
  }
}
