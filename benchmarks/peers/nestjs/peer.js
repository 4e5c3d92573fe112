import 'reflect-metadata'
import { Controller, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'

const PATTERN = 'bench.nestjs'

Logger.overrideLogger(false)

/**
 * `@nestjs/microservices` with its defaults, but for AMQP with noDelay and without its limit on what is under way.
 * Decorators are called by hand, since Node strips types and nothing else.
 *
 * @returns {import('../../src/peers/peer.ts').Peer}
 */
export function createPeer(transport) {
  const optionsOf = url => {
    const { hostname, port } = new URL(url)
    switch (transport) {
      case 'mqtt':
        return { transport: Transport.MQTT, options: { url } }
      case 'redis':
        return { transport: Transport.REDIS, options: { host: hostname, port: Number(port) } }
      case 'amqp':
        return {
          transport: Transport.RMQ,
          options: {
            urls: [url],
            queue: PATTERN,
            queueOptions: { durable: false, autoDelete: true },
            prefetchCount: 0,
            socketOptions: { connectionOptions: { noDelay: true } },
          },
        }
    }
  }

  async function listen(url, decorator, handler) {
    class BenchController {
      handle(value) {
        return handler(value)
      }
    }
    class BenchModule {}
    decorator(PATTERN)(
      BenchController.prototype,
      'handle',
      Object.getOwnPropertyDescriptor(BenchController.prototype, 'handle'),
    )
    Payload()(BenchController.prototype, 'handle', 0)
    Controller()(BenchController)
    Module({ controllers: [BenchController] })(BenchModule)
    const app = await NestFactory.createMicroservice(BenchModule, { ...optionsOf(url) })
    await app.listen()
  }

  async function connect(url) {
    const client = ClientProxyFactory.create(optionsOf(url))
    await client.connect()
    return client
  }

  return {
    name: 'NestJS',
    semantics: {
      rpc: { class: 'best-effort', about: 'no deadline, no validation' },
      events: { class: 'best-effort', about: transport === 'amqp' ? 'one queue; no validation' : 'no validation' },
    },

    serve: (url, onValue) =>
      listen(url, MessagePattern, value => {
        onValue(value)
        return value
      }),

    caller: async url => {
      const client = await connect(url)
      return value => firstValueFrom(client.send(PATTERN, value))
    },

    subscribe: (url, onValue) => listen(url, EventPattern, value => onValue(value)),

    publisher: async url => {
      const client = await connect(url)
      return value => firstValueFrom(client.emit(PATTERN, value), { defaultValue: undefined })
    },
  }
}
