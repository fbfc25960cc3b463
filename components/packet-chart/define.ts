import { PacketChart } from './packet-chart.ts'

if (customElements.get('packet-chart') === undefined) customElements.define('packet-chart', PacketChart)

declare global {
  interface HTMLElementTagNameMap {
    'packet-chart': PacketChart
  }
}
