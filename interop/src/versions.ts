/** The releases of commlib-py that are tried: the first and the last of the wires in use, and those most in the field. */
export const versions = ['0.6.3', '0.11.5', '0.13.1', '0.13.2'] as const

export type Version = (typeof versions)[number]

/** What pip installs for each, beside commlib-py itself: 0.6 declares too little, and none speaks to a newer paho. */
export const requirements: Readonly<Record<Version, readonly string[]>> = {
  '0.6.3': ['paho-mqtt<2', 'ujson', 'redis', 'pika'],
  '0.11.5': ['pydantic>=2', 'ujson', 'rich', 'paho-mqtt<2', 'redis>=5.0.1', 'pika>=1.3.1'],
  '0.13.1': ['pydantic>=2', 'ujson', 'rich', 'paho-mqtt<2', 'redis>=5.0.1', 'pika>=1.3.1'],
  '0.13.2': ['pydantic>=2', 'ujson', 'rich', 'paho-mqtt<2', 'redis>=5.0.1', 'pika>=1.3.1'],
}

/** What Python calls the brokers. */
export type BrokerName = 'mqtt' | 'redis' | 'amqp'

/** The wires of ours. */
export type Wire = '0.6' | '0.13' | '0.13.2'

/** The wire that a version publishes in, and the only one that it hears, where there is an envelope on topics. */
export function wireOf(version: Version): '0.6' | '0.13' {
  return version.startsWith('0.6.') ? '0.6' : '0.13'
}

/** The wire of a version's on a broker, and the other one that there is on it. */
export function wiresOn(broker: BrokerName, version: Version): readonly [own: Wire, other: Wire] {
  // On AMQP they differ in calls only: an envelope is what 0.13.2 has brought.
  if (broker === 'amqp') return version === '0.13.2' ? ['0.13.2', '0.13'] : [wireOf(version), '0.13.2']
  return wireOf(version) === '0.6' ? ['0.6', '0.13'] : ['0.13', '0.6']
}
