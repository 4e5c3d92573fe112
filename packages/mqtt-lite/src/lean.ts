import { type ForgetDurable, forgetDurableBy, type MqttLite, mqttLiteBy } from './mqtt-lite.ts'

/** The slim transport over MQTT. Options are not checked. */
export const mqttLite: MqttLite = /* @__PURE__ */ mqttLiteBy()

/**
 * Makes the broker forget a durable subscription and what it holds for it: its name, or its name, `-` and its member, for
 * one of a group. Whoever uses it at the time loses it.
 */
export const forgetDurable: ForgetDurable = /* @__PURE__ */ forgetDurableBy()

export type { SessionOptions, TlsOptions, WillOptions } from '@commlib/mqtt/internal'
export type { ForgetDurable, MqttLite } from './mqtt-lite.ts'
export type { MqttLiteOptions } from './options.ts'
