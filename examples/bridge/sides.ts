import { memory, type Transport } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'

const { COMMLIB_MQTT_URL, COMMLIB_REDIS_URL } = process.env

/** The robot speaks MQTT and the backend Redis; without their URLs both are in memory, on two hubs. */
export const robotSide = (): Transport => (COMMLIB_MQTT_URL === undefined ? memory('robot') : mqtt(COMMLIB_MQTT_URL))
export const backendSide = (): Transport =>
  COMMLIB_REDIS_URL === undefined ? memory('backend') : redis(COMMLIB_REDIS_URL)
