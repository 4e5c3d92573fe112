import { action, createNode, rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { contractsBy } from './contracts.ts'
import { program } from './program.ts'

Object.assign(globalThis, { program: program(createNode, contractsBy({ topic, rpc, action }), mqtt) })
