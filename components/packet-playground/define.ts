import { PacketPlayground } from './packet-playground.ts'

if (customElements.get('packet-playground') === undefined) customElements.define('packet-playground', PacketPlayground)

declare global {
  interface HTMLElementTagNameMap {
    'packet-playground': PacketPlayground
  }
}
