// Entry of kit/dbus: systemd's units, asked and told over D-Bus.
//   systemd().start('x.slice', [['CPUWeight', ['t', 5n]]])   .setProperties(unit, …)   .stop(unit)   isSystemdBooted()
export { isSystemdBooted, type Systemd, systemd, type UnitProperty } from './systemd.ts';
