import { createNode, type Node, type Transport, topic } from '@commlib/core'

export const Message = topic<{ n: number; text: string }>('bench.message')
export const text = 'x'.repeat(40)

export async function open(url: string): Promise<Node> {
  return createNode({ transport: await transportOf(url), heartbeat: false, onStatus: () => {} })
}

async function transportOf(url: string): Promise<Transport> {
  if (url.startsWith('mqtt')) return (await import('@commlib/mqtt')).mqtt(url)
  if (url.startsWith('redis')) return (await import('@commlib/redis')).redis(url)
  return (await import('@commlib/amqp')).amqp(url)
}
