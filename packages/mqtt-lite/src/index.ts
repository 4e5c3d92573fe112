import { type ForgetDurable, forgetDurableBy, type MqttLite, mqttLiteBy } from './mqtt-lite.ts'
import { checkOptions } from './option-rules.ts'

/** The slim transport over MQTT. */
export const mqttLite: MqttLite = /* @__PURE__ */ mqttLiteBy(checkOptions)

/**
 * Makes the broker forget a durable subscription and what it holds for it: its name, or its name, `-` and its member, for
 * one of a group. Whoever uses it at the time loses it.
 */
export const forgetDurable: ForgetDurable = /* @__PURE__ */ forgetDurableBy(checkOptions)

export type { SessionOptions, TlsOptions, WillOptions } from '@commlib/mqtt/internal'
export type { ForgetDurable, MqttLite } from './mqtt-lite.ts'
export type { MqttLiteOptions } from './options.ts'
