import '../../components/packet-playground/define.ts'
import { PacketPlayground } from '../../components/packet-playground/packet-playground.ts'
import { StormRun, stormScenario } from './storm-run.ts'

const CLIENTS = 10_000
const FRAMES_A_MILLISECOND = 100
const EVENTS_A_MILLISECOND = 30

PacketPlayground.loadEngine = () =>
  Promise.resolve({
    list: [],
    open: () =>
      Promise.resolve({
        scenario: stormScenario(CLIENTS),
        source: undefined,
        usualKnobs: {},
        judge: () => [],
        parseLog: () => [],
        start: () => Promise.resolve(new StormRun(CLIENTS, FRAMES_A_MILLISECOND, EVENTS_A_MILLISECOND)),
      }),
  })
