// The page entry: registers `<packet-playground>` and the elements it is made of. The engine comes when an element is near.
import './packet-playground/define.ts'
import { PacketPlayground } from './packet-playground/packet-playground.ts'

PacketPlayground.loadEngine = async () => (await import('./packet-playground/page-engine.ts')).pageEngine
