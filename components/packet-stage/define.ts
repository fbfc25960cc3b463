import { PacketStage } from './packet-stage.ts'

if (customElements.get('packet-stage') === undefined) customElements.define('packet-stage', PacketStage)

declare global {
  interface HTMLElementTagNameMap {
    'packet-stage': PacketStage
  }
}
