import { PacketKnobs } from './packet-knobs.ts'

if (customElements.get('packet-knobs') === undefined) customElements.define('packet-knobs', PacketKnobs)

declare global {
  interface HTMLElementTagNameMap {
    'packet-knobs': PacketKnobs
  }
}
