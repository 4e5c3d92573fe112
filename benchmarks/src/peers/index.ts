import type { Peer } from './peer.ts'

/** Loads only the peer that is asked for, so that no process carries another's code. */
export const peers: Readonly<Record<string, () => Promise<Peer>>> = {
  mqttjs: async () => (await import('./raw-mqtt.ts')).rawMqtt({ noDelay: false }),
  'mqttjs-nodelay': async () => (await import('./raw-mqtt.ts')).rawMqtt({ noDelay: true }),
  commlib: async () => (await import('./commlib-mqtt.ts')).commlibMqtt,
}
