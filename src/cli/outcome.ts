import type { Director } from '../run/director.ts'
import { formatKeyLog } from '../trace/key-log.ts'
import { exportPcapng } from '../trace/pcapng-export.ts'
import { exportQlog } from '../trace/qlog.ts'
import { countFrames, type RunOutcome } from './engine.ts'

/** What of an outcome the director knows, wherever its hosts were. To be asked for when the run is over. */
export function outcomeOf(
  director: Director,
): Pick<RunOutcome, 'frames' | 'framesLost' | 'packetHops' | 'refused' | 'trace' | 'keyLog' | 'capture' | 'qlog'> {
  const { store, refused } = director
  return {
    ...countFrames(store),
    refused,
    trace: store,
    keyLog: () => formatKeyLog(store.keyLog),
    capture: (choice) => exportPcapng(director.scenario, director.recorder, choice),
    qlog: () => exportQlog(director.scenario, director.recorder),
  }
}
