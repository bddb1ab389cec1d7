import { showTopologies } from './topologies.ts';

showTopologies(1);
