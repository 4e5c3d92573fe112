import { readFileSync } from 'node:fs'

export interface Captured {
  readonly topic: string
  readonly body: string
}

const folder = new URL('../fixtures/commlib-py/', import.meta.url)

/** Messages that mosquitto_sub printed, their topics dotted. */
export function mqttCapture(name: string): Captured[] {
  return Array.from(read(name).matchAll(/topic=(\S+) payload=(.*)$/gm), ([, topic = '', body = '']) => ({
    topic: topic.replaceAll('/', '.'),
    body,
  }))
}

/** What was pushed and published, as redis-cli MONITOR printed it. */
export function redisCapture(name: string): Captured[] {
  return Array.from(
    read(name).matchAll(/"(?:RPUSH|PUBLISH)" "([^"]+)" ("(?:[^"\\]|\\.)*")$/gm),
    ([, topic = '', text = '""']) => ({
      topic,
      // MONITOR escapes the bytes; all of these are ASCII, since the Python side escapes the rest in its JSON.
      body: JSON.parse(text),
    }),
  )
}

export interface CapturedAmqp extends Captured {
  readonly properties: { readonly reply_to?: string; readonly correlation_id?: string }
}

/** What RabbitMQ's firehose saw being published. */
export function amqpCapture(name: string): CapturedAmqp[] {
  return read(name)
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
    .filter(({ trace }) => trace.startsWith('publish'))
    .map(({ routing_keys: [topic], body, properties }) => ({ topic, body, properties }))
}

function read(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8')
}
