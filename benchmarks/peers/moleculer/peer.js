import { randomUUID } from 'node:crypto'
import { ServiceBroker } from 'moleculer'

/**
 * Moleculer with its defaults, but for what would cripple it here: AMQP with noDelay, and more than one request at a
 * time.
 *
 * @returns {import('../../src/peers/peer.ts').Peer}
 */
export function createPeer(transport) {
  async function start(url, services = []) {
    const broker = new ServiceBroker({
      namespace: 'bench',
      nodeID: randomUUID(),
      logger: false,
      transporter:
        transport === 'amqp'
          ? { type: 'AMQP', options: { url: [url], prefetch: 1000, socketOptions: { noDelay: true } } }
          : url,
    })
    for (const service of services) broker.createService(service)
    await broker.start()
    return broker
  }

  return {
    name: 'Moleculer',
    semantics: {
      rpc: { class: 'best-effort', about: 'balanced by the caller; a timeout by option, no validation' },
      events: { class: 'best-effort', about: 'broadcast to the nodes that have subscribed; no validation' },
    },

    serve: async (url, onValue) => {
      await start(url, [
        {
          name: 'bench',
          actions: {
            call: ({ params }) => {
              onValue(params)
              return params
            },
          },
        },
      ])
    },

    caller: async url => {
      const broker = await start(url)
      await broker.waitForServices('bench', 10_000, 20)
      return value => broker.call('bench.call', value, { timeout: 10_000 })
    },

    subscribe: async (url, onValue, { topics }) => {
      const event = topics === undefined ? 'bench.events' : 'bench.events.*'
      await start(url, [{ name: 'bench', events: { [event]: ({ params }) => onValue(params) } }])
    },

    publisher: async (url, { topics, subscribers = 1 }) => {
      const broker = await start(url)
      await broker.waitForServices('bench', 10_000, 20)
      while (broker.registry.getNodeList({ onlyAvailable: true }).length <= subscribers)
        await new Promise(resolve => setTimeout(resolve, 20))
      return (value, index) => broker.broadcast(topics === undefined ? 'bench.events' : `bench.events.${index}`, value)
    },
  }
}
