export { forgetDurable, type Mqtt, mqtt } from './mqtt.ts'
export type { MqttOptions } from './options.ts'
export type { SessionOptions, TlsOptions, WillOptions } from './session-options.ts'
