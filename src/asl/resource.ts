// What a Task's Resource names, and which integrations there are.
//
// Knows:          the forms of resource ARNs, the service integrations with their actions and patterns.
// Does not know:  how any of them is called (that is `integrations`).
//
// Partition, region and account are not checked: `arn:aws-cn:…` and samples with `your-region` are accepted,
// as the service does when a definition is created.

import type { Resource } from "./ast.ts";
import { Suggester } from "./suggest.ts";

type Pattern = "requestResponse" | "sync" | "sync:2" | "waitForTaskToken";

const SUFFIXES: ReadonlyMap<string, Pattern> = new Map([
  ["", "requestResponse"],
  [".sync", "sync"],
  [".sync:2", "sync:2"],
  [".waitForTaskToken", "waitForTaskToken"],
]);

/**
 * Optimised integrations: service, then its actions. Each can be called and left (request-response); letters after a
 * slash say what else: `s` .sync, `2` .sync:2, `t` .waitForTaskToken.
 */
const OPTIMISED: ReadonlyMap<string, string> = new Map([
  ["apigateway", "invoke/t"],
  ["athena", "startQueryExecution/s stopQueryExecution getQueryExecution getQueryResults"],
  ["batch", "submitJob/s"],
  ["bedrock", "invokeModel/t createModelCustomizationJob/s"],
  ["bedrockagentcore", "invokeHarness"],
  [
    "codebuild",
    "startBuild/s stopBuild batchDeleteBuilds batchGetReports startBuildBatch/s stopBuildBatch retryBuildBatch/s deleteBuildBatch",
  ],
  ["databrew", "startJobRun/s"],
  ["dynamodb", "getItem putItem updateItem deleteItem"],
  ["ecs", "runTask/st"],
  [
    "eks",
    "createCluster/s deleteCluster/s createFargateProfile/s deleteFargateProfile/s createNodegroup/s deleteNodegroup/s call runJob/st",
  ],
  [
    "elasticmapreduce",
    "createCluster/s setClusterTerminationProtection terminateCluster/s addStep/s cancelStep modifyInstanceFleetByName modifyInstanceGroupByName",
  ],
  ["emr-containers", "createVirtualCluster deleteVirtualCluster/s startJobRun/s"],
  [
    "emr-serverless",
    "createApplication/s startApplication/s stopApplication/s deleteApplication/s startJobRun/s cancelJobRun/s",
  ],
  ["events", "putEvents/t"],
  ["glue", "startJobRun/s"],
  ["http", "invoke"],
  ["lambda", "invoke/t"],
  ["mediaconvert", "createJob/s"],
  [
    "sagemaker",
    "createEndpoint createEndpointConfig createHyperParameterTuningJob/s createLabelingJob/s createModel createProcessingJob/s createTrainingJob/s createTransformJob/s updateEndpoint",
  ],
  ["sns", "publish/t"],
  ["sqs", "sendMessage/t"],
  ["states", "startExecution/s2t"],
]);

/** Services that are called through the AWS SDK: `aws-sdk:<service>:<action>`, with or without a token. */
const SDK_SERVICES: ReadonlySet<string> = new Set(
  `
accessanalyzer account acm acmpca aiops amp amplify amplifybackend amplifyuibuilder apigateway
  apigatewayv2 appconfig appconfigdata appfabric appflow appintegrations applicationautoscaling
  applicationcostprofiler applicationdiscovery applicationinsights applicationsignals appmesh apprunner
  appstream appsync arcregionswitch arczonalshift athena auditmanager autoscaling autoscalingplans b2bi
  backup backupgateway backupsearch batch bcmdashboards bcmdataexports bcmpricingcalculator
  bcmrecommendedactions bedrock bedrockagent bedrockagentcore bedrockagentcorecontrol bedrockagentruntime
  bedrockdataautomation bedrockdataautomationruntime bedrockruntime billing billingconductor braket budgets
  chime chimesdkidentity chimesdkmediapipelines chimesdkmeetings chimesdkmessaging chimesdkvoice cleanrooms
  cleanroomsml cloud9 cloudcontrol clouddirectory cloudformation cloudfront cloudfrontkeyvaluestore cloudhsm
  cloudhsmv2 cloudsearch cloudtrail cloudtraildata cloudwatch cloudwatchlogs codeartifact codebuild
  codecatalyst codecommit codeconnections codedeploy codeguruprofiler codegurureviewer codegurusecurity
  codepipeline codestarconnections codestarnotifications cognitoidentity cognitoidentityprovider cognitosync
  comprehend comprehendmedical computeoptimizer computeoptimizerautomation config connect connectcampaigns
  connectcampaignsv2 connectcases connectcontactlens connecthealth connectparticipant controlcatalog
  controltower costandusagereport costexplorer costoptimizationhub customerprofiles databasemigration
  databrew dataexchange datapipeline datasync datazone dax deadline detective devicefarm devopsagent
  devopsguru directconnect directory directoryservicedata dlm docdb docdbelastic drs dsql dynamodb
  dynamodbstreams ebs ec2 ec2instanceconnect ecr ecrpublic ecs efs eks eksauth elasticache elasticbeanstalk
  elasticinference elasticloadbalancing elasticloadbalancingv2 elasticsearch elementalinference emr
  emrcontainers emrserverless entityresolution eventbridge finspace finspacedata firehose fis fms forecast
  forecastquery frauddetector freetier fsx gamelift gameliftstreams geomaps geoplaces georoutes glacier glue
  grafana greengrass greengrassv2 groundstation guardduty health healthlake iam identitystore imagebuilder
  inspector2 inspectorscan interconnect internetmonitor invoicing iot iotanalytics iotdeviceadvisor
  iotevents ioteventsdata iotfleetwise iotjobsdataplane iotmanagedintegrations iotsecuretunneling
  iotsitewise iotthingsgraph iottwinmaker iotwireless ivs ivschat ivsrealtime kafka kafkaconnect kendra
  kendraranking keyspaces keyspacesstreams kinesis kinesisanalytics kinesisanalyticsv2 kinesisvideo
  kinesisvideoarchivedmedia kinesisvideomedia kinesisvideosignaling kinesisvideowebrtcstorage kms
  lakeformation lambda lambdacore lambdamicrovms launchwizard lexmodelsv2 lexruntimev2 licensemanager
  licensemanagerlinuxsubscriptions licensemanagerusersubscriptions lightsail location lookoutequipment
  lookoutvision m2 macie2 mailmanager managedblockchain managedblockchainquery marketplacecatalog
  marketplacecommerceanalytics marketplacediscovery marketplaceentitlement marketplacemetering
  marketplacereporting mediaconnect mediaconvert medialive mediapackage mediapackagev2 mediapackagevod
  mediastore mediatailor medicalimaging memorydb mgn migrationhub migrationhubconfig
  migrationhuborchestrator migrationhubrefactorspaces migrationhubstrategy mpa mq mturk mwaa mwaaserverless
  neptune neptunegraph networkfirewall networkflowmonitor networkmanager networkmonitor
  notificationscontacts novaact oam observabilityadmin odb omics opensearch opensearchserverless opsworkscm
  organizations osis outposts panorama partnercentralaccount partnercentralbenefits partnercentralchannel
  partnercentralrevenuemeasurement partnercentralselling paymentcryptography paymentcryptographydata
  pcaconnectorad pcaconnectorscep pcs personalize personalizeevents personalizeruntime pi pinpoint
  pinpointemail pinpointsmsvoice pinpointsmsvoicev2 pipes polly pricing privatenetworks proton qapps
  qbusiness qconnect quicksight ram rbin rds rdsdata redshift redshiftdata redshiftserverless rekognition
  resiliencehub resiliencehubv2 resourceexplorer2 resourcegroups resourcegroupstaggingapi rolesanywhere
  route53 route53domains route53globalresolver route53profiles route53recoverycluster
  route53recoverycontrolconfig route53recoveryreadiness route53resolver rtbfabric rum s3 s3control s3files
  s3outposts s3tables s3vectors sagemaker sagemakera2iruntime sagemakerfeaturestoreruntime
  sagemakergeospatial sagemakerjobruntime sagemakermetrics sagemakerruntime sagemakerruntimehttp2
  savingsplans scheduler schemas secretsmanager securityagent securityhub securityir securitylake
  serverlessapplicationrepository servicecatalog servicecatalogappregistry servicediscovery servicequotas
  ses sesv2 sfn shield signer signerdata signin simpledbv2 simspaceweaver sms snowball snowdevicemanagement
  sns socialmessaging sqs ssm ssmcontacts ssmguiconnect ssmincidents ssmquicksetup ssmsap sso ssoadmin
  ssooidc storagegateway sts supplychain support supportapp supportauthz sustainability swf synthetics
  taxsettings textract timestreaminfluxdb timestreamquery timestreamwrite tnb transcribe transfer translate
  trustedadvisor uxc verifiedpermissions voiceid vpclattice waf wafregional wafv2 wellarchitected wickr
  wisdom workdocs workmail workmailmessageflow workspaces workspacesinstances workspacesthinclient
  workspacesweb xray
`
    .trim()
    .split(/\s+/u),
);

/** The actions of `aws-sdk:sfn`, the API of this program; of other services the actions are not known here. */
const SFN_ACTIONS: ReadonlySet<string> = new Set(
  `
  createActivity createStateMachine createStateMachineAlias deleteActivity deleteStateMachine
  deleteStateMachineAlias deleteStateMachineVersion describeActivity describeExecution describeMapRun
  describeStateMachine describeStateMachineAlias describeStateMachineForExecution getActivityTask
  getExecutionHistory listActivities listExecutions listMapRuns listStateMachineAliases
  listStateMachineVersions listStateMachines listTagsForResource publishStateMachineVersion
  redriveExecution sendTaskFailure sendTaskHeartbeat sendTaskSuccess startExecution startSyncExecution
  stopExecution tagResource testState untagResource updateMapRun updateStateMachine
  updateStateMachineAlias validateStateMachineDefinition
`
    .trim()
    .split(/\s+/u),
);

const SDK_ACTION = /^[a-z][A-Za-z0-9]*$/u;

/** The resource that `arn` names; undefined if it is no resource, or one that no integration serves. */
export function parseResource(arn: string): Resource | undefined {
  const [scheme, partition, service, , , ...rest] = arn.split(":");
  if (scheme !== "arn" || partition === undefined || !/^aws(?:-[a-z]+)*$/u.test(partition)) return undefined;
  if (service === "lambda") {
    const isFunction = rest[0] === "function" && (rest[1] ?? "") !== "" && rest.length <= 3 && rest[2] !== "";
    return isFunction ? { kind: "lambda", arn } : undefined;
  }
  if (service !== "states") return undefined;
  if (rest[0] === "activity") {
    return rest.length === 2 && rest[1] !== "" ? { kind: "activity", arn } : undefined;
  }
  return serviceResource(arn, rest);
}

function serviceResource(arn: string, rest: readonly string[]): Resource | undefined {
  const isSdk = rest[0] === "aws-sdk";
  const service = isSdk ? `aws-sdk:${rest[1] ?? ""}` : (rest[0] ?? "");
  const action = rest.slice(isSdk ? 2 : 1).join(":");
  const dot = action.indexOf(".");
  const api = dot < 0 ? action : action.slice(0, dot);
  const pattern = SUFFIXES.get(dot < 0 ? "" : action.slice(dot));
  if (pattern === undefined || !patternsOf(service, api).includes(pattern)) return undefined;
  return { kind: "service", arn, service, action, api, pattern };
}

/** How an action of a service may be called; empty if there is no such action. */
function patternsOf(service: string, api: string): readonly Pattern[] {
  if (service.startsWith("aws-sdk:")) {
    const isAction = service === "aws-sdk:sfn" ? SFN_ACTIONS.has(api) : SDK_ACTION.test(api);
    const isKnown = SDK_SERVICES.has(service.slice("aws-sdk:".length)) && isAction;
    return isKnown ? ["requestResponse", "waitForTaskToken"] : [];
  }
  for (const entry of OPTIMISED.get(service)?.split(" ") ?? []) {
    const [name, letters = ""] = entry.split("/");
    if (name !== api) continue;
    const patterns: Pattern[] = ["requestResponse"];
    if (letters.includes("s")) patterns.push("sync");
    if (letters.includes("2")) patterns.push("sync:2");
    if (letters.includes("t")) patterns.push("waitForTaskToken");
    return patterns;
  }
  return [];
}

/** A guess at what was meant by a resource that `parseResource` does not know. */
export function suggestResource(arn: string): string | undefined {
  const found = /^(arn:aws[a-z-]*:states:[^:]*:[^:]*:)(.+)$/u.exec(arn);
  if (found === null) return undefined;
  const [, prefix = "", rest = ""] = found;
  const [service = "", action = ""] = rest.split(":");
  const api = action.replace(/\..*$/u, "");
  const suggester = new Suggester();
  if (service === "aws-sdk") {
    if (action === "sfn") {
      const nearestSfn = suggester.nearest(rest.split(":")[2] ?? "", SFN_ACTIONS);
      return nearestSfn === undefined ? undefined : `Did you mean "${prefix}aws-sdk:sfn:${nearestSfn}"?`;
    }
    const nearest = suggester.nearest(action, SDK_SERVICES);
    return nearest === undefined
      ? undefined
      : `Did you mean "${prefix}aws-sdk:${nearest}:${rest.split(":").slice(2).join(":")}"?`;
  }
  const actions = OPTIMISED.get(service)
    ?.split(" ")
    .map((entry) => entry.replace(/\/.*$/u, ""));
  if (actions?.includes(api) === true) {
    return `${service}:${api} can be called as [${patternsOf(service, api).join(", ")}] only.`;
  }
  const nearestAction = actions === undefined ? undefined : suggester.nearest(api, actions);
  if (nearestAction !== undefined) return `Did you mean "${prefix}${service}:${nearestAction}"?`;
  if (SDK_SERVICES.has(service) && SDK_ACTION.test(api)) {
    return `Did you mean "${prefix}aws-sdk:${service}:${api}"?`;
  }
  const nearestService = suggester.nearest(service, OPTIMISED.keys());
  return nearestService === undefined ? undefined : `Did you mean "${prefix}${nearestService}:${action}"?`;
}
