// Entry of agent/cri-docker: the agent on Docker Engine.
export { createDockerCri, type DockerCriOptions } from './create-docker-cri.ts';
export { dockerImages } from './engine.ts';
export { PAUSE_IMAGE, pauseArchive } from './pause-image.ts';
