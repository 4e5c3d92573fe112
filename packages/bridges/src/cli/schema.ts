// The JSON schema of the configuration, also published as bridge.schema.json for editors. Which options fit which kind of
// bridge, and what names what, is checked after it: a schema that said so would say nothing readable of a mistake.

const text = (description: string) => ({ type: 'string', minLength: 1, description })
const flag = (description: string) => ({ type: 'boolean', description })
const count = (description: string, minimum = 1) => ({ type: 'integer', minimum, description })
const number = (description: string) => ({ type: 'number', exclusiveMinimum: 0, description })
const label = (description: string) => ({ type: 'string', pattern: '^[\\w.:-]{1,64}$', description })
const size = (description: string) => ({
  type: ['integer', 'string'],
  minimum: 1,
  pattern: '^[0-9]+(\\.[0-9]+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$',
  description,
})
const duration = (description: string) => ({
  type: ['number', 'string'],
  minimum: 0,
  pattern: '^[0-9]+(\\.[0-9]+)? ?(ms|s|min|h|d)$',
  description,
})
const object = (properties: Readonly<Record<string, object>>, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})

const bridge = object(
  {
    topic: text('Carries the messages of a topic, or of a pattern such as sensors.*'),
    event: text('Carries an event, by its uri'),
    rpc: text('Carries calls'),
    action: text('Carries an action'),
    name: text('What it is called in logs and counters; by default what it carries'),
    from: text('The broker that messages come from, or where the callers are'),
    to: text('The broker that messages go to, or where the service is'),
    as: text('The one name on the other side'),
    namespace: text('Goes before the name, with a dot'),
    twoWay: flag('Carries in both directions'),
    reliable: flag('Acknowledges at the source what the sink has confirmed'),
    latched: flag('Keeps the last message for late joiners'),
    source: object({
      reliable: flag('Reads reliably'),
      latched: flag('Asks for kept values'),
      durable: label('Names a subscription that outlives the process'),
      group: label('Shares the messages with other bridges of this name'),
      member: label('Tells members of a durable group apart'),
    }),
    sink: object({ reliable: flag('Waits for confirmation'), latched: flag('Keeps the last message') }),
    rate: number('Messages a second and topic'),
    sample: count('Lets the first of so many messages of a topic through'),
    naming: { enum: ['dotted', 'commlib-py'], description: 'How names of patterns are made' },
    maxInFlight: count('Messages on their way, unconfirmed'),
    timeout: duration('For a call whose caller does not say'),
    concurrency: count('Calls on their way'),
    spool: object(
      {
        path: text('The folder of the store, relative to this file'),
        maxBytes: size('All messages together'),
        maxMessages: count('Messages'),
        maxAge: duration('Older messages are dropped'),
        whenFull: { enum: ['block', 'drop-oldest', 'drop-newest'], description: 'What happens when it is full' },
        sync: flag('Waits for the disk itself'),
      },
      ['path'],
    ),
  },
  ['from', 'to'],
)

const broker = {
  type: ['string', 'object'],
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: text('Such as mqtt://localhost'),
    options: { type: 'object', description: "Options of the broker's transport, such as username and password" },
    wire: { enum: ['0.13', '0.13.2', '0.6'], description: 'The version of commlib-py whose messages are sent' },
  },
}

const health = object(
  {
    host: text('The address to listen at; by default this machine only'),
    port: { type: 'integer', minimum: 0, maximum: 65535, description: 'GET /health and GET /metrics' },
  },
  ['port'],
)

const brokers = {
  type: 'object',
  description: 'The brokers, by name. The names also tell bridges of other processes which broker is which',
  propertyNames: { pattern: '^[\\w.:-]{1,64}$' },
  minProperties: 1,
}

const bridges = { type: 'array', minItems: 1 }

/** What a configuration file may hold. */
export const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Configuration of commlib-bridge',
  ...object({ brokers: { ...brokers, additionalProperties: broker }, bridges: { ...bridges, items: bridge }, health }, [
    'brokers',
    'bridges',
  ]),
}

/** The same in parts: a validator names the first few mistakes only, and each part has its own. */
export const parts = {
  file: object({ brokers, bridges, health: { type: 'object' } }, ['brokers', 'bridges']),
  broker,
  bridge,
  health,
}
