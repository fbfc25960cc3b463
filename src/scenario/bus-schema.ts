import * as v from 'valibot'
import { FSYNC_POLICIES } from './bus-options.ts'
import { choiceField, countField, flagField, formField, sizeField, strict, timeField } from './field-schema.ts'
import { HOUR, portField } from './name-schema.ts'

const GIBIBYTE = 2 ** 30

const outputLimit = v.optional(
  strict('an output limit', {
    hard: v.optional(sizeField('Above this at once; 0 B: no limit.', { max: GIBIBYTE }), '32 MiB'),
    soft: v.optional(sizeField('Above this for a time; 0 B: no limit.', { max: GIBIBYTE }), '8 MiB'),
    softTime: v.optional(timeField('For how long.', { max: HOUR }), '60 s'),
  }),
  {},
)

/** What a server of Redis takes. */
export const redisServerEntries = {
  port: portField('TCP port to listen on.', 6379),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 511),
  password: v.optional(
    formField('What clients must know; empty: nothing.', /^[!-~]{0,100}$/, 'up to 100 visible characters'),
    '',
  ),
  appendonly: v.optional(
    flagField('Keep a log of all changes on the disk, from which the data is made anew after a restart.'),
    false,
  ),
  fsync: v.optional(
    choiceField(
      'When changes are safe on the disk: before they are acknowledged, each second, or when the system gets round to it.',
      FSYNC_POLICIES,
    ),
    'everysec',
  ),
  fsyncTime: v.optional(
    timeField('How long the disk takes for a write that must be safe before it is acknowledged.', { max: 10e9 }),
    '0 s',
  ),
  rewriteAbove: v.optional(
    sizeField('From which length on the log is rewritten, whenever it has doubled; 0 B: never.', { max: GIBIBYTE }),
    '64 MiB',
  ),
  maxMemory: v.optional(sizeField('Most memory of the data; 0 B: no limit.', { max: GIBIBYTE }), '0 B'),
  maxClients: v.optional(countField('How many connections at once.', { min: 1, max: 1_000_000 }), 10_000),
  outputLimit: v.pipe(
    outputLimit,
    v.description('How much may wait for a subscriber who does not read, before it is thrown out.'),
  ),
}
