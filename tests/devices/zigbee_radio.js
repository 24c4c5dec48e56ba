/* A radio with devices in it, for the real zigbee2mqtt: preloaded by node (--require).

Only the adapter is replaced: frames are encoded and decoded by zigbee-herdsman itself, so that its
own converters meet devices that answer as the Zigbee Cluster Library says. Leaves out: joining,
groups, timing. The devices are in the JSON file that IOTCALL_RADIO names:

    address -> {network, silent, attributes: {cluster: {attribute: value}},
                ranges: {attribute: [least, most]}}

A silent device does what it is told and reports nothing.
*/
"use strict";

const fs = require("node:fs");
const {createRequire} = require("node:module");
const program = createRequire(process.argv[1]);
const herdsman = program.resolve("zigbee-herdsman").replace(/index\.js$/, "");
const {Adapter} = require(`${herdsman}adapter/adapter.js`);
const Zcl = require(`${herdsman}zspec/zcl/index.js`);

const COORDINATOR = "0x00124b0000000000";
const devices = JSON.parse(fs.readFileSync(process.env.IOTCALL_RADIO, "utf8"));

/* What a cluster's command makes of the device's attributes. */
const EFFECTS = {
    genOnOff: {on: () => ({onOff: 1}), off: () => ({onOff: 0})},
    genLevelCtrl: {
        moveToLevel: ({level}) => ({currentLevel: level}),
        moveToLevelWithOnOff: ({level}) => ({currentLevel: level, "genOnOff.onOff": level ? 1 : 0}),
    },
    lightingColorCtrl: {
        moveToColorTemp: ({colortemp}) => ({colorTemperature: colortemp, colorMode: 2}),
        moveToColor: ({colorx, colory}) => ({currentX: colorx, currentY: colory, colorMode: 1}),
    },
    closuresDoorLock: {lockDoor: () => ({lockState: 1}), unlockDoor: () => ({lockState: 2})},
    closuresWindowCovering: {
        upOpen: () => ({currentPositionLiftPercentage: 0}),
        downClose: () => ({currentPositionLiftPercentage: 100}),
        stop: () => ({}),
        goToLiftPercentage: ({percentageliftvalue}) => ({
            currentPositionLiftPercentage: percentageliftvalue,
        }),
    },
};

class Radio extends Adapter {
    async start() { return "resumed"; }
    async stop() {}
    async getCoordinatorIEEE() { return COORDINATOR; }
    async getCoordinatorVersion() { return {type: "modelled", meta: {}}; }
    async getNetworkParameters() {
        return {panID: 6754, extendedPanID: "0xdddddddddddddddd", channel: 11, nwkUpdateID: 0};
    }
    async supportsBackup() { return false; }
    async permitJoin() {}
    async sendZdo() { return [0, {}]; } // bindings succeed
    async sendZclFrameToGroup() {}
    async sendZclFrameToAll() {}

    async sendZclFrameToEndpoint(address, network, endpoint, frame) {
        const device = devices[address];
        if (!device) throw new Error("No network route");
        const {name} = frame.cluster;
        const state = device.attributes[name] ?? {};
        if (frame.header.isGlobal) {
            return this.answer(device, endpoint, frame, ...general(device, state, frame));
        }
        const effect = EFFECTS[name]?.[frame.command.name];
        if (!effect) return this.answer(device, endpoint, frame, ...refused(frame, 0x81));
        const changed = effect(frame.payload);
        for (const [key, value] of Object.entries(changed)) {
            const [attribute, cluster = name] = key.split(".").reverse();
            device.attributes[cluster][attribute] = value;
        }
        if (!device.silent) setImmediate(() => this.report(device, endpoint, frame, changed));
        if (frame.command.response !== undefined) {
            const response = Zcl.Utils.getClusterCommandResponse?.(frame.cluster,
                frame.command.response) ?? frame.command.response;
            return this.answer(device, endpoint, frame, response, {status: 0},
                Zcl.FrameType.SPECIFIC);
        }
        return this.answer(device, endpoint, frame, ...refused(frame, 0));
    }

    answer(device, endpoint, frame, command, payload, type = Zcl.FrameType.GLOBAL) {
        const {transactionSequenceNumber} = frame.header;
        const answered = received(device, endpoint, Zcl.Frame.create(
            type, Zcl.Direction.SERVER_TO_CLIENT, true, frame.header.manufacturerCode,
            transactionSequenceNumber, command, frame.cluster, payload, {}));
        setImmediate(() => this.emit("zclPayload", answered)); // as every adapter does
        return answered;
    }

    report(device, endpoint, frame, changed) {
        const payload = Object.entries(changed).filter(([key]) => !key.includes("."))
            .map(([key, attrData]) => {
                const {ID, type} = frame.cluster.attributes[key];
                return {attrId: ID, dataType: type, attrData};
            });
        if (!payload.length) return;
        this.emit("zclPayload", received(device, endpoint, Zcl.Frame.create(
            Zcl.FrameType.GLOBAL, Zcl.Direction.SERVER_TO_CLIENT, true, undefined, 0, "report",
            frame.cluster, payload, {})));
    }
}

/* [response, payload] to a read, a write or anything else that every cluster knows. */
function general(device, state, frame) {
    const named = (id) => Object.values(frame.cluster.attributes).find((one) => one.ID === id);
    switch (frame.command.name) {
        case "read":
            return ["readRsp", frame.payload.map(({attrId}) => {
                const attribute = named(attrId);
                const value = state[attribute?.name];
                return value === undefined ? {attrId, status: 0x86}
                    : {attrId, status: 0, dataType: attribute.type, attrData: value};
            })];
        case "write":
            return ["writeRsp", frame.payload.map(({attrId, attrData}) => {
                const name = named(attrId)?.name;
                const [least, most] = device.ranges?.[name] ?? [-Infinity, Infinity];
                if (!(name in state)) return {attrId, status: 0x86};
                if (attrData < least || attrData > most) return {attrId, status: 0x87};
                state[name] = attrData;
                return {attrId, status: 0};
            })];
        case "configReport":
            return ["configReportRsp", frame.payload.map(({attrId, direction}) => (
                {status: 0, attrId, direction}))];
        default:
            return refused(frame, 0x82);
    }
}

function refused(frame, statusCode) {
    return ["defaultRsp", {cmdId: frame.command.ID, statusCode}];
}

function received(device, endpoint, frame) {
    const data = frame.toBuffer();
    return {
        clusterID: frame.cluster.ID, header: Zcl.Header.fromBuffer(data), data,
        address: device.network, endpoint, linkquality: 200, groupID: 0, wasBroadcast: false,
        destinationEndpoint: 1,
    };
}

Adapter.create = async (...settings) => new Radio(...settings);
