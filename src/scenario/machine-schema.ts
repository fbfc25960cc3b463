import * as v from 'valibot'
import { countField, numberField, sizeField, strict, timeField } from './field-schema.ts'
import { MACHINE_LIMITS, type MachineSettings } from './machine-settings.ts'

const time = (name: keyof MachineSettings, description: string) => v.exactOptional(timeField(description, MACHINE_LIMITS[name]))

/** Settings of the machine under a host, each of them optional. */
export const machineEntries = {
  perPacket: time('perPacket', 'Processor time that each packet takes that comes in or goes out.'),
  perHandshake: time('perHandshake', 'Processor time that a server needs for each handshake that a client begins.'),
  perRequest: time('perRequest', 'Processor time that a server needs for each request.'),
  perConnection: time('perConnection', 'Processor time that a server needs to accept a connection.'),
  perMessage: time(
    'perMessage',
    'Processor time that a server needs for each message that comes in or goes out on a connection that is kept.',
  ),
  clockAhead: time('clockAhead', 'How far its clock is ahead of the true time.'),
  clockBehind: time('clockBehind', 'How far its clock is behind the true time.'),
  clockDrift: v.exactOptional(
    numberField('How many parts per million its clocks run too fast; below 0: too slow.', MACHINE_LIMITS.clockDrift),
  ),
  memory: v.exactOptional(
    sizeField('For connections and what waits in their buffers; 0 B: without limit.', MACHINE_LIMITS.memory),
  ),
  connectionMemory: v.exactOptional(
    sizeField('What an application needs for each of its connections, besides their buffers.', MACHINE_LIMITS.connectionMemory),
  ),
  descriptors: v.exactOptional(
    countField('How many files may be open at once, of which each socket is one; 0: without limit.', MACHINE_LIMITS.descriptors),
  ),
  restartAfter: time(
    'restartAfter',
    'A machine whose memory is exhausted crashes, and starts again after so long; 0 s: it refuses what it has no room for, and goes on.',
  ),
} satisfies Record<keyof MachineSettings, v.GenericSchema>

/** The machine under a host. */
export const machineSchema = v.pipe(
  strict('a machine', machineEntries),
  v.description(
    'How fast its processor is, how right its clock, how much memory it has and how many files it opens; a perfect one when absent.',
  ),
)

/** Units of the settings; the drift is a bare number. */
export const MACHINE_UNITS: Readonly<Record<keyof MachineSettings, 'time' | 'bytes' | 'count'>> = {
  perPacket: 'time',
  perHandshake: 'time',
  perRequest: 'time',
  perConnection: 'time',
  perMessage: 'time',
  clockAhead: 'time',
  clockBehind: 'time',
  clockDrift: 'count',
  memory: 'bytes',
  connectionMemory: 'bytes',
  descriptors: 'count',
  restartAfter: 'time',
}
