import { defineDdl } from '../../src/core/ddl.ts';
import { appmgrDdl } from '../../src/agents/appmgr/ddl.ts';
import { haproxyDdl } from '../../src/agents/haproxy/ddl.ts';
import { nrpeDdl } from '../../src/agents/nrpe/ddl.ts';
import { rpcutilDdl } from '../../src/agents/rpcutil/ddl.ts';
const angelia = defineDdl({name:'angelia',description:'',author:'',license:'',version:'',url:'',aliases:['angelianotify'],actions:{sendmsg:{description:'',kind:'change',repeatable:true,timeout:10,dryRun:true,display:'always',input:{type:'object',additionalProperties:false,required:['message','recipient'],properties:{message:{type:'string'},subject:{type:'string'},recipient:{type:'string'}}},output:{type:'object',additionalProperties:false,properties:{id:{type:'string'},delivered:{type:'boolean'},queued:{type:'boolean'}}}}}});
export const agents = [appmgrDdl,haproxyDdl,nrpeDdl,rpcutilDdl,angelia].map(ddl=>({ddl}));
