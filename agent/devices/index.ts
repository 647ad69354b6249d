// Entry of agent/devices: devices of plugins, given to containers.
export { type ContainerDevices, DeviceProblem, DevicesTaken } from './allotment.ts';
export { Devices } from './devices.ts';
export { podResourcesService } from './pod-resources.ts';
export { devicePluginType, deviceRegistration } from './registration.ts';
