import { action, createNode, rpc, topic } from '@commlib/core/lean'
import { mqttLite } from '@commlib/mqtt-lite'
import { contractsBy } from './contracts.ts'
import { program } from './program.ts'

Object.assign(globalThis, { program: program(createNode, contractsBy({ topic, rpc, action }), mqttLite) })
