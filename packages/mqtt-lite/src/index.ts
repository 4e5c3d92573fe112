export { forgetDurable, type MqttLite, mqttLite } from './mqtt-lite.ts'
export type { MqttLiteOptions, TlsOptions, WillOptions } from './options.ts'
