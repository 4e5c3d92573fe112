export { forgetDurable, type Mqtt, mqtt } from './mqtt.ts'
export type { MqttOptions, TlsOptions, WillOptions } from './options.ts'
