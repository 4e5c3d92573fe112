import { bridge } from '@commlib/bridges'
import { createNode, memory } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Reading } from './contracts.ts'

/** The box between the plant, which is in memory here, and the cloud, which is a broker far away. */
export async function startEdge(cloudUrl: string, path: string) {
  const plant = await createNode({ name: 'edge', transport: memory('plant'), heartbeat: false })
  const cloud = await createNode({
    name: 'edge',
    transport: mqtt(cloudUrl),
    heartbeat: false,
    // It starts before its uplink does.
    waitForBroker: true,
    onError: error => console.error(error),
    onStatus: ({ type }) => {
      if (type === 'connected' || type === 'disconnected') console.log(`edge: ${type}`)
    },
  })
  const meters = await bridge(plant, cloud, Reading, {
    namespace: 'plant1',
    source: { durable: 'edge' },
    spool: { path, maxBytes: 50_000_000, maxAge: 7 * 24 * 3_600_000 },
  })
  const close = async () => {
    await meters.close()
    await plant.close()
    await cloud.close()
  }
  return { cloud, meters, close }
}
