// SPDX-License-Identifier: GPL-2.0-only
/*
 * td-commands.c - what the test disk answers to each SCSI command.
 */
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_eh.h>
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>	/* since 6.12 */
#else
#include <asm/unaligned.h>
#endif

#include "td.h"

static void td_answer(struct scsi_cmnd *cmd, const void *data, size_t len)
{
	size_t copied = sg_copy_from_buffer(scsi_sglist(cmd), scsi_sg_count(cmd),
					    data, min_t(size_t, len, scsi_bufflen(cmd)));

	scsi_set_resid(cmd, scsi_bufflen(cmd) - copied);
}

static void td_refuse(struct scsi_cmnd *cmd, u8 asc)
{
	scsi_build_sense(cmd, 0, ILLEGAL_REQUEST, asc, 0);
}

static u64 td_wwid(struct td_host *td, struct scsi_cmnd *cmd)
{
	return READ_ONCE(td->wwid) + cmd->device->lun;
}

/* What the vendor calls it. Of two disks with one NAA name it tells which is which. */
static u64 td_serial(struct td_host *td, struct scsi_cmnd *cmd)
{
	return td_wwid(td, cmd) + ((u64)READ_ONCE(td->copy) << 32);
}

static void td_vpd_identification(struct td_host *td, struct scsi_cmnd *cmd, u8 *page)
{
	u8 *at = page + 4;

	/* The logical unit: NAA 6, a made-up company, the disk's number. */
	at[0] = 0x01;
	at[1] = 0x03;
	at[3] = 16;
	put_unaligned_be64(0x6053570000000000ULL, at + 4);
	put_unaligned_be64(td_wwid(td, cmd), at + 12);
	at += 20;
	/* The same by vendor. */
	at[0] = 0x02;
	at[1] = 0x01;
	at[3] = 8 + 16;
	memcpy(at + 4, "SWPATH  ", 8);
	snprintf(at + 12, 17, "%016llx", td_serial(td, cmd));
	at += 28;
	/* The target port: NAA 5, and its number. */
	at[0] = 0x61;
	at[1] = 0x93;
	at[3] = 8;
	put_unaligned_be64(0x5053570000000000ULL + td->index, at + 4);
	at += 12;
	at[0] = 0x61;
	at[1] = 0x94;
	at[3] = 4;
	put_unaligned_be32(td->index + 1, at + 4);
	at += 8;
	put_unaligned_be16(at - page - 4, page + 2);
}

static void td_inquiry(struct td_host *td, struct scsi_cmnd *cmd)
{
	static const u8 pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	u8 data[256] = {};
	size_t len = get_unaligned_be16(cmd->cmnd + 3);

	if (!(cmd->cmnd[1] & 1)) {
		data[2] = 6;			/* SPC-4 */
		data[3] = 2;
		data[4] = 96 - 5;
		data[7] = 2;			/* command queueing */
		memcpy(data + 8, "SWPATH  TESTDISK        0001", 28);
		td_answer(cmd, data, min_t(size_t, len, 96));
		return;
	}
	data[1] = cmd->cmnd[2];
	switch (cmd->cmnd[2]) {
	case 0x00:
		data[3] = sizeof(pages);
		memcpy(data + 4, pages, sizeof(pages));
		break;
	case 0x80:
		data[3] = 16;
		snprintf(data + 4, 17, "%016llx", td_serial(td, cmd));
		break;
	case 0x83:
		td_vpd_identification(td, cmd, data);
		break;
	case 0xb0:
		data[3] = 0x3c;
		put_unaligned_be32(TD_MAX_SECTORS, data + 8);
		put_unaligned_be32(65536, data + 20);	/* blocks in one UNMAP */
		put_unaligned_be32(16, data + 24);	/* descriptors in one UNMAP */
		put_unaligned_be32(8, data + 28);	/* granularity */
		put_unaligned_be64(65536, data + 36);	/* blocks in one WRITE SAME */
		break;
	case 0xb1:
		data[3] = 0x3c;
		data[5] = 1;				/* does not rotate */
		break;
	case 0xb2:
		data[3] = 4;
		data[5] = 0xc4;				/* LBPU, LBPWS, LBPRZ */
		break;
	default:
		td_refuse(cmd, 0x24);
		return;
	}
	td_answer(cmd, data, min_t(size_t, len, 4 + get_unaligned_be16(data + 2)));
}

static void td_report_luns(struct td_host *td, struct scsi_cmnd *cmd)
{
	struct scsi_lun head = {};
	size_t len = td->luns * sizeof(head), copied;
	unsigned int i;

	put_unaligned_be32(len, head.scsi_lun);
	copied = sg_pcopy_from_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), &head, sizeof(head), 0);
	for (i = 0; i < td->luns && copied < scsi_bufflen(cmd); i++) {
		int_to_scsilun(i, &head);
		copied += sg_pcopy_from_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), &head,
					       sizeof(head), copied);
	}
	scsi_set_resid(cmd, scsi_bufflen(cmd) - copied);
}

static void td_mode_sense(struct td_host *td, struct scsi_cmnd *cmd, bool ten)
{
	u8 data[64] = {};
	u8 head = ten ? 8 : 4;
	u8 page = cmd->cmnd[2] & 0x3f;
	u8 len = head;
	u8 flags = 0x10 | (READ_ONCE(td->wp) ? 0x80 : 0);	/* DPOFUA, WP */

	if (page == 0x08 || page == 0x3f) {
		data[len] = 0x08;
		data[len + 1] = 0x12;
		data[len + 2] = READ_ONCE(td->wce) ? 0x04 : 0;	/* write cache */
		len += 20;
	} else if (page != 0) {
		td_refuse(cmd, 0x24);
		return;
	}
	if (ten) {
		put_unaligned_be16(len - 2, data);
		data[3] = flags;
	} else {
		data[0] = len - 1;
		data[2] = flags;
	}
	td_answer(cmd, data, min_t(size_t, len, ten ? get_unaligned_be16(cmd->cmnd + 7) :
						      cmd->cmnd[4]));
}

/* False, and the command has its sense, if there is something wrong with the range. */
static bool td_range_is_good(struct td_host *td, struct scsi_cmnd *cmd, u64 block, u64 nr)
{
	u64 medium = READ_ONCE(td->medium);

	if (READ_ONCE(td->mode) == TD_CONFLICT) {
		cmd->result = SAM_STAT_RESERVATION_CONFLICT;
		return false;
	}
	if (nr > td->blocks || block > td->blocks - nr) {
		td_refuse(cmd, 0x21);
		return false;
	}
	if (cmd->sc_data_direction != DMA_FROM_DEVICE && READ_ONCE(td->wp)) {
		scsi_build_sense(cmd, 0, DATA_PROTECT, 0x27, 0);
		return false;
	}
	if (medium >= block && medium < block + nr) {
		if (cmd->sc_data_direction == DMA_FROM_DEVICE)
			scsi_build_sense(cmd, 0, MEDIUM_ERROR, 0x11, 0);
		else
			scsi_build_sense(cmd, 0, MEDIUM_ERROR, 0x0c, 0);
		scsi_set_sense_information(cmd->sense_buffer, SCSI_SENSE_BUFFERSIZE, medium);
		return false;
	}
	return true;
}

bool td_decode(const struct scsi_cmnd *cmd, u64 *block, u64 *nr)
{
	switch (cmd->cmnd[0]) {
	case READ_10:
	case WRITE_10:
		*block = get_unaligned_be32(cmd->cmnd + 2);
		*nr = get_unaligned_be16(cmd->cmnd + 7);
		return true;
	case READ_16:
	case WRITE_16:
	case WRITE_SAME_16:
		*block = get_unaligned_be64(cmd->cmnd + 2);
		*nr = get_unaligned_be32(cmd->cmnd + 10);
		return true;
	default:
		return false;
	}
}

static void td_read_write(struct td_host *td, struct scsi_cmnd *cmd)
{
	bool write = cmd->sc_data_direction == DMA_TO_DEVICE;
	u64 block, nr;
	size_t len;

	td_decode(cmd, &block, &nr);
	if (!td_range_is_good(td, cmd, block, nr))
		return;
	len = min_t(size_t, nr << TD_SHIFT, scsi_bufflen(cmd));
	if (write) {
		sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd),
				  td_store + (block << TD_SHIFT), len);
		td->writes++;
		if (cmd->cmnd[1] & 0x08)
			td->fua++;
	} else {
		td_answer(cmd, td_store + (block << TD_SHIFT), len);
		td->reads++;
	}
}

static void td_write_same(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 pattern[1 << TD_SHIFT] = {};
	u64 block, nr, i;

	td_decode(cmd, &block, &nr);
	if (!td_range_is_good(td, cmd, block, nr))
		return;
	if (!(cmd->cmnd[1] & 0x01))
		sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), pattern, sizeof(pattern));
	for (i = 0; i < nr; i++)
		memcpy(td_store + ((block + i) << TD_SHIFT), pattern, sizeof(pattern));
	td->discards++;
}

static void td_unmap(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 data[8 + 16 * 16];
	size_t len = sg_copy_to_buffer(scsi_sglist(cmd), scsi_sg_count(cmd), data, sizeof(data));
	size_t at;

	for (at = 8; at + 16 <= len && at + 16 <= 8u + get_unaligned_be16(data + 2); at += 16) {
		u64 block = get_unaligned_be64(data + at);
		u64 nr = get_unaligned_be32(data + at + 8);

		if (!td_range_is_good(td, cmd, block, nr))
			return;
		memset(td_store + (block << TD_SHIFT), 0, nr << TD_SHIFT);
	}
	td->discards++;
}

void td_execute(struct td_host *td, struct scsi_cmnd *cmd)
{
	u8 data[32] = {};
	u32 ua = xchg(&td->ua, 0);

	cmd->result = SAM_STAT_GOOD;
	if (ua && cmd->cmnd[0] != INQUIRY && cmd->cmnd[0] != REPORT_LUNS) {
		scsi_build_sense(cmd, 0, UNIT_ATTENTION, ua >> 8, ua);
		return;
	}
	switch (cmd->cmnd[0]) {
	case TEST_UNIT_READY:
	case START_STOP:
	case ALLOW_MEDIUM_REMOVAL:
		break;
	case REQUEST_SENSE:
		data[0] = 0x70;
		data[7] = 10;
		td_answer(cmd, data, 18);
		break;
	case INQUIRY:
		td_inquiry(td, cmd);
		break;
	case REPORT_LUNS:
		td_report_luns(td, cmd);
		break;
	case READ_CAPACITY:
		put_unaligned_be32(min_t(u64, READ_ONCE(td->blocks) - 1, U32_MAX), data);
		put_unaligned_be32(1 << TD_SHIFT, data + 4);
		td_answer(cmd, data, 8);
		break;
	case SERVICE_ACTION_IN_16:
		if ((cmd->cmnd[1] & 0x1f) != SAI_READ_CAPACITY_16) {
			td_refuse(cmd, 0x24);
			break;
		}
		put_unaligned_be64(READ_ONCE(td->blocks) - 1, data);
		put_unaligned_be32(1 << TD_SHIFT, data + 8);
		data[13] = 3;		/* 4 KiB physical */
		data[14] = 0xc0;	/* LBPME, LBPRZ */
		td_answer(cmd, data, 32);
		break;
	case MODE_SENSE:
		td_mode_sense(td, cmd, false);
		break;
	case MODE_SENSE_10:
		td_mode_sense(td, cmd, true);
		break;
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
		td->flushes++;
		break;
	case READ_10:
	case READ_16:
	case WRITE_10:
	case WRITE_16:
		td_read_write(td, cmd);
		break;
	case WRITE_SAME_16:
		td_write_same(td, cmd);
		break;
	case UNMAP:
		td_unmap(td, cmd);
		break;
	default:
		td_refuse(cmd, 0x20);
		break;
	}
}

bool td_is_upset(struct td_host *td, struct scsi_cmnd *cmd, u32 mode)
{
	u32 every = max_t(u32, READ_ONCE(td->every), 1);

	/* It tells who it is in any mood. */
	if (cmd->cmnd[0] == INQUIRY || cmd->cmnd[0] == REPORT_LUNS)
		return false;
	if (atomic_inc_return(&td->commands) % every)
		return false;
	switch (mode) {
	case TD_RECOVERED:
		td_execute(td, cmd);
		if (cmd->result == SAM_STAT_GOOD)
			scsi_build_sense(cmd, 0, RECOVERED_ERROR, 0x18, 0);
		return true;
	case TD_BUSY:
		cmd->result = SAM_STAT_BUSY;
		return true;
	case TD_FULL:
		cmd->result = SAM_STAT_TASK_SET_FULL;
		return true;
	case TD_NOT_READY:
		scsi_build_sense(cmd, 0, NOT_READY, 0x04, 0x01);
		return true;
	case TD_ABORTED:
		scsi_build_sense(cmd, 0, ABORTED_COMMAND, 0, 0);
		return true;
	case TD_LATE:
		/* COMMAND TIMEOUT DURING PROCESSING */
		scsi_build_sense(cmd, 0, ABORTED_COMMAND, 0x2e, 0x02);
		return true;
	default:
		return false;
	}
}
