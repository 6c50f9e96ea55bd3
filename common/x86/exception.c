// SPDX-License-Identifier: MIT
/* Names of the exceptions. Source: SDM vol. 3A, table 6-1 "Protected-Mode Exceptions and Interrupts". */
#include "lib/types.h"
#include "x86/exception.h"

static const char *const names[] = {
	[VEC_DE] = "#DE", [VEC_DB] = "#DB", [VEC_NMI] = "NMI", [VEC_BP] = "#BP", [VEC_OF] = "#OF",
	[VEC_BR] = "#BR", [VEC_UD] = "#UD", [VEC_NM] = "#NM",  [VEC_DF] = "#DF", [VEC_TS] = "#TS",
	[VEC_NP] = "#NP", [VEC_SS] = "#SS", [VEC_GP] = "#GP",  [VEC_PF] = "#PF", [VEC_MF] = "#MF",
	[VEC_AC] = "#AC", [VEC_MC] = "#MC", [VEC_XM] = "#XM",  [VEC_VE] = "#VE", [VEC_CP] = "#CP",
};

const char *exception_name(unsigned vector)
{
	if (vector < ARRAY_SIZE(names) && names[vector])
		return names[vector];
	return vector < VEC_EXCEPTIONS ? "reserved exception" : "INT";
}
