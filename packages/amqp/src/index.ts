export { type Amqp, amqp, forgetDurable } from './amqp.ts'
export type { AmqpOptions, TlsOptions } from './options.ts'
